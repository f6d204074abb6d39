//! Codes of who may call: tokens, applications, grants, throttle.

use super::{Article, Who};
use crate::Operation;

pub(super) const OLD_INVALID_TOKEN: Article = Article {
    causes: &[],
    never: &[],
    remedy: "Never sent here; a wrong token is 1010005. A client of 2018 should treat both alike and log in again.",
};

pub(super) const INVALID_TOKEN: Article = Article {
    causes: &[(
        Who::WithToken,
        "`detail` tells which: there is no token; it is unknown, has expired, or a later login of the application has replaced it (R3.6), or \
         the operator has frozen the application; or `app_key` names another application than the one the token was given to.",
    )],
    never: &[],
    remedy: "Log in again and repeat the request: it changed nothing. If it comes back at once, two processes of the application log in by turns \
             and end each other's tokens: let one of them log in and share the token, or use `refreshAuthToken`. Tokens are taken for 120 s \
             longer than `expiresIn` says, so a timer that is a little late does no harm.",
};

pub(super) const THROTTLED: Article = Article {
    causes: &[
        (
            Who::Every,
            "The application has made its calls of this window: 100 in 60 s, the window opened by its first call (R3.5). Only calls with a right \
             token or secret count.",
        ),
        (
            Who::Only(&[Operation::GetAuthToken, Operation::RefreshAuthToken]),
            "Too many logins from this address have failed.",
        ),
    ],
    never: &[],
    remedy: "Wait as long as the header `Retry-After` says, in seconds, then send the same request again: it changed nothing. Spread calls over \
             the minute, list with large pages instead of asking for each command, and take callbacks instead of polling. The operator can \
             switch the throttle off per application.",
};

pub(super) const NO_APP_KEY: Article = Article {
    causes: &[(
        Who::WithToken,
        "The request has neither a header `app_key` nor `x-app-key`.",
    )],
    never: &[],
    remedy: "Send the header `app_key` with the application's id. Many proxies drop headers with an underscore in their name (nginx: \
             `underscores_in_headers on`); `x-app-key` is read too and passes them.",
};

pub(super) const WRONG_SECRET: Article = Article {
    causes: &[
        (
            Who::Only(&[Operation::GetAuthToken, Operation::RefreshAuthToken]),
            "There is no application with this `appId`, or the secret is not its own. The answer does not tell which.",
        ),
        (
            Who::Only(&[Operation::RefreshAuthToken]),
            "The refresh token is unknown, has expired (30 days), was used already, or belongs to another application; then `detail` says so.",
        ),
    ],
    never: &[(&[Operation::LogoutAuthToken], "a logout asks for no secret")],
    remedy: "Do not repeat it as it is: failed logins are limited per address. Compare `appId` and secret with those of the operator; a secret \
             with `+`, `&` or `%` must be percent-encoded in the form. After a refused refresh, log in with the secret.",
};

pub(super) const MISSING_PARAMETER: Article = Article {
    causes: &[(
        Who::Listing,
        "A field of the body is missing, empty or longer than 256 characters, or the body is neither a form nor JSON: `detail` names the field.",
    )],
    never: &[],
    remedy: "Send what `detail` names. Login is a form (`appId=…&secret=…`), refresh is JSON; sending JSON where a form is announced is fine, but \
             the field names must be right.",
};

pub(super) const APP_FROZEN: Article = Article {
    causes: &[(
        Who::Only(&[Operation::GetAuthToken, Operation::RefreshAuthToken]),
        "The operator has frozen the application (`downlink app freeze`).",
    )],
    never: &[(
        &[Operation::LogoutAuthToken],
        "a frozen application has no tokens to end; a logout is answered as always",
    )],
    remedy: "Ask the operator. Nothing that the application sends helps; its commands are kept as they are.",
};

pub(super) const AUTH_APP_UNKNOWN: Article = Article {
    causes: &[],
    never: &[(
        &[
            Operation::RegDirectDevice,
            Operation::RegDirectDeviceWithSecret,
            Operation::RefreshDeviceKey,
            Operation::RefreshDeviceSecret,
        ],
        "an unknown `appId` is 100203 and a wrong `app_key` is 1010005, here as everywhere",
    )],
    remedy: "Never sent here. A client of the old platform may keep its branch for it.",
};

pub(super) const APP_UNKNOWN: Article = Article {
    causes: &[(
        Who::WithToken,
        "The `appId` in the address names no application of this platform; with device groups it is `accessAppId`, or the `appId` of the body.",
    )],
    never: &[],
    remedy: "Leave `appId` away for the application's own devices and commands; it is needed only to act for another application, and is that \
             one's id. Look for a blank, another case, or the id of another installation.",
};

pub(super) const NOT_AUTHORISED: Article = Article {
    causes: &[
        (
            Who::WithToken,
            "The `appId` names another application, and that one has granted the caller nothing that is in force, or nothing that covers this \
             operation; `detail` tells which. A device that the grant does not cover is 100418, as if it were not there.",
        ),
        (
            Who::Only(&[
                Operation::CreateDeviceGroup,
                Operation::DeleteDeviceGroup,
                Operation::ModifyDeviceGroup,
                Operation::AddDevicesToGroup,
                Operation::DeleteDevicesFromGroup,
            ]),
            "The grant is limited to devices or groups. Only one that covers all of the owner's devices lets the caller change groups: another \
             could widen itself.",
        ),
    ],
    never: &[],
    remedy: "Ask the owner or the operator for a grant (`downlink app grant`), or for a wider or longer one. For the application's own devices, \
             leave `appId` away. The creator of a command may still read and cancel it while any grant of the owner is in force (R1.13).",
};
