//! What the readers ask of a request, told to whoever listens.
//!
//! Each reader says in passing what it asks for: member, type, bounds. Under the feature `openapi` the document is made of that, so a
//! schema cannot say anything else than what the server reads. Without the feature this is nothing at all.

/// Notes what a reader asks: `asked!(path, name, Rule)`.
#[cfg(feature = "openapi")]
macro_rules! asked {
    ($path:expr, $name:expr, $($rule:tt)+) => {
        $crate::asked::note($path, $name, || $crate::asked::Rule::$($rule)+)
    };
}

/// Nobody listens.
#[cfg(not(feature = "openapi"))]
macro_rules! asked {
    ($($anything:tt)*) => {};
}

pub(crate) use asked;

#[cfg(feature = "openapi")]
pub(crate) use heard::{Asked, Rule, listen, note};

#[cfg(feature = "openapi")]
mod heard {
    use std::cell::RefCell;
    use std::ops::RangeInclusive;

    /// What a reader asks of one member.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum Rule {
        /// A text within this many characters.
        Text { chars: RangeInclusive<usize> },
        /// As `Text`, and it must be there.
        RequiredText { chars: RangeInclusive<usize> },
        /// So many ASCII letters and digits.
        Letters { chars: RangeInclusive<usize> },
        /// As `Letters`, and it must be there.
        RequiredLetters { chars: RangeInclusive<usize> },
        /// One of these, in any case.
        Word { words: Vec<&'static str> },
        /// As `Word`, and it must be there.
        RequiredWord { words: Vec<&'static str> },
        /// An even number of hexadecimal digits.
        Hex { digits: RangeInclusive<usize> },
        /// An integer from `least` to `most`; `unit` may be empty.
        Integer {
            least: String,
            most: String,
            unit: String,
        },
        /// True or false.
        Boolean,
        /// An object; what is asked of its members is noted with its path.
        Object,
        /// As `Object`, and it must be there.
        RequiredObject,
        /// A list of objects.
        Objects { items_max: usize },
        /// A list of so many texts, each within so many characters.
        Texts {
            items: RangeInclusive<usize>,
            chars: RangeInclusive<usize>,
        },
        /// As `Texts`, and it must be there.
        RequiredTexts {
            items: RangeInclusive<usize>,
            chars: RangeInclusive<usize>,
        },
        /// An http or https address.
        CallbackUrl,
        /// A moment.
        Moment,
        /// A list of selections, parted by commas; unknown ones are ignored.
        Select,
    }

    impl Rule {
        /// Whether a request without the member is refused.
        pub(crate) fn is_required(&self) -> bool {
            match self {
                Self::RequiredText { .. }
                | Self::RequiredLetters { .. }
                | Self::RequiredWord { .. }
                | Self::RequiredObject
                | Self::RequiredTexts { .. } => true,
                Self::Text { .. }
                | Self::Letters { .. }
                | Self::Texts { .. }
                | Self::Word { .. }
                | Self::Hex { .. }
                | Self::Integer { .. }
                | Self::Boolean
                | Self::Object
                | Self::Objects { .. }
                | Self::CallbackUrl
                | Self::Moment
                | Self::Select => false,
            }
        }
    }

    /// One member and what is asked of it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Asked {
        /// The path of the object it stands in, each name followed by a dot; empty at the top.
        pub(crate) path: String,
        /// The member.
        pub(crate) name: String,
        /// What is asked.
        pub(crate) rule: Rule,
    }

    thread_local! {
        static HEARD: RefCell<Option<Vec<Asked>>> = const { RefCell::new(None) };
    }

    /// Notes what is asked, if this thread listens. Of several notes on a member the first counts: a mandatory one is noted first.
    pub(crate) fn note(path: &str, name: &str, rule: impl FnOnce() -> Rule) {
        HEARD.with_borrow_mut(|heard| {
            let Some(heard) = heard else { return };
            let is_known = heard
                .iter()
                .any(|asked| asked.path == path && asked.name == name);
            if !is_known {
                heard.push(Asked {
                    path: path.to_owned(),
                    name: name.to_owned(),
                    rule: rule(),
                });
            }
        });
    }

    /// Has `read` read something; everything it asked, in order.
    pub(crate) fn listen(read: impl FnOnce()) -> Vec<Asked> {
        HEARD.set(Some(Vec::new()));
        read();
        HEARD.take().unwrap_or_default()
    }
}
