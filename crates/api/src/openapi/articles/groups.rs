//! Codes of device groups.

use super::{Article, Who};
use crate::Operation;

pub(super) const GROUP_FULL: Article = Article {
    causes: &[
        (
            Who::Only(&[Operation::AddDevicesToGroup]),
            "With these devices the group would have more than its `maxDevNum`, or more than the operator allows any group.",
        ),
        (
            Who::Only(&[Operation::ModifyDeviceGroup]),
            "The group has more devices than the new `maxDevNum`.",
        ),
    ],
    never: &[(
        &[Operation::DeleteDevicesFromGroup],
        "taking devices out makes no group fuller",
    )],
    remedy: "Take devices out, raise `maxDevNum` with `modifyDeviceGroup` (0 is no bound), or open another group. Nothing has changed: of the \
             devices of the request none was put in.",
};

pub(super) const GROUP_NAME_TAKEN: Article = Article {
    causes: &[(
        Who::Listing,
        "The application has another group of this name. Names are compared letter by letter, case included.",
    )],
    never: &[],
    remedy: "Choose another name. If it is a repeat of a create whose answer was lost, the group is there: `queryDeviceGroups` with this `name` \
             finds it.",
};

pub(super) const GROUP_UNKNOWN: Article = Article {
    causes: &[(
        Who::Listing,
        "The application has no group with this id, it was deleted, or the caller's grant is limited and does not name the group.",
    )],
    never: &[],
    remedy: "Check the id: it is the `id` of the creation's answer, not the name. For a group of another application, name that one as \
             `accessAppId` and see that its grant covers the group.",
};

pub(super) const GROUP_LIMIT: Article = Article {
    causes: &[(
        Who::Listing,
        "The application has as many device groups as the operator allows (`north.groups_max`, 1000).",
    )],
    never: &[],
    remedy: "Delete groups that nobody needs, or ask the operator for more room.",
};

pub(super) const TOO_MANY_DEVICES: Article = Article {
    causes: &[
        (Who::Listing, "`deviceIds` has more than 1000 items."),
        (
            Who::Only(&[Operation::CreateDeviceGroup]),
            "`deviceIds` has more devices than the `maxDevNum` of the same request, or than the operator allows any group.",
        ),
    ],
    never: &[],
    remedy: "Send the devices in portions of 1000 at the most. Nothing has changed.",
};
