//! Login, refresh and logout [2].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::asked::asked;
use crate::fields::{Fields, check_text, json_object};
use crate::limits::NAME;
use crate::query::{Query, QueryWriter};
use crate::{Invalid, Secret};

/// Login: a form whose field names come in any case [2.1].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename_all = "camelCase")
)]
pub struct LoginRequest {
    /// The application, 1 to 256 characters.
    pub app_id: String,
    /// Its secret, 1 to 256 characters.
    pub secret: Secret,
}

impl LoginRequest {
    /// Reads the form, whatever its `Content-Type` says.
    pub fn from_form(body: &[u8]) -> Result<Self, Invalid> {
        let form = Query::parse_bytes(body);
        Ok(Self {
            app_id: form_field(&form, "appId")?,
            secret: Secret::new(form_field(&form, "secret")?),
        })
    }

    /// Reads the body: a form, or JSON with the same fields when it starts with a brace. Field names come in any case in both.
    pub fn from_body(body: &[u8]) -> Result<Self, Invalid> {
        if body.trim_ascii().first() != Some(&b'{') {
            return Self::from_form(body);
        }
        let map: Map<String, Value> = json_object(body)?
            .into_iter()
            .map(|(name, value)| match name.to_ascii_lowercase().as_str() {
                "appid" => ("appId".to_owned(), value),
                "secret" => ("secret".to_owned(), value),
                _ => (name, value),
            })
            .collect();
        let fields = Fields::of(&map);
        Ok(Self {
            app_id: fields.required_text("appId", NAME)?,
            secret: fields.required_secret("secret", NAME)?,
        })
    }

    /// Writes the form.
    pub fn to_form(&self) -> String {
        QueryWriter::default()
            .pair("appId", Some(&self.app_id))
            .pair("secret", Some(self.secret.expose()))
            .finish()
    }
}

/// New tokens for a refresh token: JSON, without authentication headers [2.2].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefreshRequest {
    /// The application, 1 to 256 characters.
    pub app_id: String,
    /// Its secret, 1 to 256 characters.
    pub secret: Secret,
    /// The refresh token of the last login or refresh, 1 to 256 characters.
    pub refresh_token: Secret,
}

impl RefreshRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            app_id: fields.required_text("appId", NAME)?,
            secret: fields.required_secret("secret", NAME)?,
            refresh_token: fields.required_secret("refreshToken", NAME)?,
        })
    }
}

/// Ends an access token: JSON without authentication headers, also seen as a form [2.3].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogoutRequest {
    /// The token that ends, 1 to 256 characters.
    pub access_token: Secret,
}

impl LogoutRequest {
    /// Reads the body: JSON when it starts with a brace, else a form.
    pub fn from_body(body: &[u8]) -> Result<Self, Invalid> {
        let is_form = body.trim_ascii().first().is_some_and(|&byte| byte != b'{');
        let access_token = if is_form {
            Secret::new(form_field(&Query::parse_bytes(body), "accessToken")?)
        } else {
            Fields::of(&json_object(body)?).required_secret("accessToken", NAME)?
        };
        Ok(Self { access_token })
    }
}

/// The answer to login and refresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuthAnswer {
    /// The constant `default`.
    #[cfg_attr(feature = "openapi", schemars(extend("const" = "default")))]
    pub scope: String,
    /// `bearer` (§15.8).
    #[cfg_attr(feature = "openapi", schemars(extend("const" = "bearer")))]
    pub token_type: String,
    /// Seconds until the access token ends.
    #[cfg_attr(feature = "openapi", schemars(extend("x-unit" = "seconds")))]
    pub expires_in: u32,
    /// The access token: 32 lower-case hexadecimal digits (R3.6).
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = r"^[0-9a-f]{32}$")))]
    pub access_token: Secret,
    /// The refresh token; the platform of 2017 sent null.
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = r"^[0-9a-f]{32}$")))]
    pub refresh_token: Option<Secret>,
}

impl AuthAnswer {
    /// The answer with the contract's constants.
    pub fn new(access_token: Secret, refresh_token: Secret, expires_in_seconds: u32) -> Self {
        Self {
            scope: "default".to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: expires_in_seconds,
            access_token,
            refresh_token: Some(refresh_token),
        }
    }
}

fn form_field(form: &Query, name: &str) -> Result<String, Invalid> {
    asked!("", name, RequiredText { chars: NAME });
    let text = form
        .first_any_case(name)
        .ok_or_else(|| Invalid::member(name, "is required"))?;
    check_text(text, &NAME).map_err(|reason| Invalid::member(name, reason))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_fields_come_in_any_case_and_order() {
        let expected = LoginRequest {
            app_id: "a b".to_owned(),
            secret: Secret::new("s&1"),
        };
        for form in [
            "appId=a+b&secret=s%261",
            "Secret=s%261&APPID=a%20b&",
            "x=y&secret=s%261&appid=a+b",
        ] {
            assert_eq!(LoginRequest::from_form(form.as_bytes()).unwrap(), expected);
        }
        assert_eq!(
            LoginRequest::from_form(expected.to_form().as_bytes()).unwrap(),
            expected
        );
    }

    #[test]
    fn a_login_may_be_json() {
        let expected = LoginRequest {
            app_id: "a".to_owned(),
            secret: Secret::new("s"),
        };
        for body in [
            r#" {"appId":"a","secret":"s"}"#,
            r#"{"Secret":"s","APPID":"a","x":null}"#,
        ] {
            assert_eq!(LoginRequest::from_body(body.as_bytes()).unwrap(), expected);
        }
        assert_eq!(
            LoginRequest::from_body(b"appId=a&secret=s").unwrap(),
            expected
        );
        let error = LoginRequest::from_body(br#"{"appId":"a","secret":null}"#).unwrap_err();
        assert_eq!(error.to_string(), "`secret` is required");
    }

    #[test]
    fn a_login_without_a_field_names_it() {
        let reason = |form: &str| {
            LoginRequest::from_form(form.as_bytes())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(reason("secret=s"), "`appId` is required");
        assert_eq!(reason("appId=a&secret="), "`secret` is required");
        assert_eq!(reason(""), "`appId` is required");
        let long = format!("appId={}&secret=s", "a".repeat(257));
        assert_eq!(reason(&long), "`appId` must have 1 to 256 characters");
    }

    #[test]
    fn refresh_is_json_with_three_members() {
        let request =
            RefreshRequest::from_json(br#"{"appId":"a","secret":"s","refreshToken":"r","x":1}"#)
                .unwrap();
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"appId":"a","secret":"s","refreshToken":"r"}"#
        );
        let error = RefreshRequest::from_json(br#"{"appId":"a","secret":"s","refreshToken":null}"#)
            .unwrap_err();
        assert_eq!(error.to_string(), "`refreshToken` is required");
    }

    #[test]
    fn logout_is_json_or_a_form() {
        for body in [r#" {"accessToken":"t"}"#, "accessToken=t", "AccessToken=t&"] {
            assert_eq!(
                LogoutRequest::from_body(body.as_bytes())
                    .unwrap()
                    .access_token
                    .expose(),
                "t"
            );
        }
        for (body, reason) in [
            ("", "the body is empty; it must be a JSON object"),
            ("{}", "`accessToken` is required"),
            ("x=y", "`accessToken` is required"),
        ] {
            assert_eq!(
                LogoutRequest::from_body(body.as_bytes())
                    .unwrap_err()
                    .to_string(),
                reason
            );
        }
    }

    #[test]
    fn the_answer_has_its_members_in_the_order_of_the_documentation() {
        let answer = AuthAnswer::new(Secret::new("a"), Secret::new("r"), 3600);
        let text = r#"{"scope":"default","tokenType":"bearer","expiresIn":3600,"accessToken":"a","refreshToken":"r"}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        assert_eq!(serde_json::from_str::<AuthAnswer>(text).unwrap(), answer);
        assert!(!format!("{answer:?}").contains("\"r\""));
    }
}
