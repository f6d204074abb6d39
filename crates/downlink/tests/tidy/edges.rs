//! Who may lean on whom. These edges are the whole list, for tests too: a test that needs more than its crate may have
//! stands in a crate further out. A new edge is a change to the house and needs a page in `docs/decisions/`.

use crate::Offence;
use crate::graph::{Graph, Member};

/// What a crate may depend on, besides `TESTS` for its tests.
struct Room {
    name: &'static str,
    /// Crates of ours.
    ours: &'static [&'static str],
    /// Crates from outside; `None` where the diet is open and only `HOMES` limits it.
    outside: Option<&'static [&'static str]>,
}

const ROOMS: &[Room] = &[
    Room {
        name: "delivery",
        ours: &[],
        outside: Some(&[]),
    },
    Room {
        name: "profile",
        ours: &[],
        outside: Some(&["serde", "serde_json", "thiserror", "toml"]),
    },
    Room {
        name: "api",
        ours: &[],
        outside: Some(&[
            "hmac",
            "http",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
        ]),
    },
    Room {
        name: "mqtt",
        ours: &[],
        outside: Some(&["bytes", "mqtt-protocol-core", "thiserror"]),
    },
    Room {
        name: "lwm2m",
        ours: &[],
        outside: Some(&[
            "bytes",
            "ciborium",
            "coap-lite",
            "minicbor",
            "serde_json",
            "thiserror",
        ]),
    },
    Room {
        name: "dtls",
        ours: &[],
        outside: Some(&["bytes", "mbedtls-rs-sys", "thiserror"]),
    },
    Room {
        name: "store",
        ours: &["delivery"],
        outside: Some(&[
            "deadpool-postgres",
            "rusqlite",
            "rustix",
            "thiserror",
            "tokio-postgres",
            "tracing",
        ]),
    },
    Room {
        name: "server",
        ours: &[
            "delivery", "profile", "api", "store", "mqtt", "lwm2m", "dtls",
        ],
        outside: None,
    },
    Room {
        name: "sdk",
        ours: &["api"],
        outside: None,
    },
    Room {
        name: "downlink-python",
        ours: &["sdk"],
        outside: Some(&["http", "pyo3", "serde", "serde_json", "tokio"]),
    },
    Room {
        name: "sim",
        ours: &[
            "delivery", "profile", "api", "mqtt", "lwm2m", "dtls", "store", "server", "sdk",
        ],
        outside: None,
    },
    Room {
        name: "downlink",
        ours: &["server", "sim", "sdk", "api", "store", "profile"],
        outside: None,
    },
];

/// What the tests of any crate may use.
const TESTS: &[&str] = &["insta", "jsonschema", "proptest", "serde_json", "tempfile"];

/// Packages from outside that belong to few crates only.
const HOMES: &[(&str, &[&str])] = &[
    ("anyhow", &["downlink"]),
    ("argon2", &["server"]),
    ("axum", &["server"]),
    ("chacha20poly1305", &["server"]),
    ("clap", &["sim", "downlink"]),
    ("getrandom", &["server"]),
    ("mqtt-protocol-core", &["mqtt"]),
    ("pyo3", &["downlink-python"]),
    ("reqwest", &["sdk", "server"]),
    ("rusqlite", &["store"]),
];

/// Packages that nothing in a pure crate's normal build may reach, however indirectly: they do I/O or own a clock.
const IMPURE: &[&str] = &[
    "axum",
    "chrono",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "time",
    "tokio",
];

/// Without I/O and without a clock.
const PURE: &[&str] = &["delivery", "profile", "api", "mqtt", "lwm2m", "dtls"];

/// Edges between our crates that the house does not have.
pub(crate) fn ours(graph: &Graph) -> Vec<Offence> {
    let mut offences = Vec::new();
    for member in &graph.members {
        let Some(room) = room(member) else {
            offences.push(format!(
                "{}: the house has no room for this crate",
                member.name
            ));
            continue;
        };
        for need in member.needs.iter().filter(|need| graph.is_ours(&need.name)) {
            // A crate's tests may ask for its own features.
            let is_itself = need.dev && need.name == member.name;
            if !is_itself && !room.ours.contains(&need.name.as_str()) {
                offences.push(format!(
                    "{} → {}: not an edge of the house, for tests neither",
                    member.name, need.name
                ));
            }
        }
    }
    offences
}

/// Packages from outside that a crate with a closed diet asks for.
pub(crate) fn diets(graph: &Graph) -> Vec<Offence> {
    let mut offences = Vec::new();
    for member in &graph.members {
        let Some(diet) = room(member).and_then(|room| room.outside) else {
            continue;
        };
        for need in member
            .needs
            .iter()
            .filter(|need| !graph.is_ours(&need.name))
        {
            let name = need.name.as_str();
            if !(diet.contains(&name) || need.dev && TESTS.contains(&name)) {
                offences.push(format!(
                    "{} takes {name} from outside: its diet is {diet:?}",
                    member.name
                ));
            }
        }
    }
    offences
}

/// Packages that are asked for outside their homes.
pub(crate) fn homes(graph: &Graph) -> Vec<Offence> {
    let mut offences = Vec::new();
    for member in &graph.members {
        for need in &member.needs {
            let home = HOMES.iter().find(|(name, _)| *name == need.name);
            if let Some((name, homes)) =
                home.filter(|(_, homes)| !homes.contains(&member.name.as_str()))
            {
                offences.push(format!(
                    "{} takes {name}, which only {homes:?} may",
                    member.name
                ));
            }
        }
    }
    offences
}

/// I/O and clocks that a pure crate reaches through others.
pub(crate) fn reach(graph: &Graph) -> Vec<Offence> {
    let pairs = PURE
        .iter()
        .flat_map(|pure| IMPURE.iter().map(move |impure| (pure, impure)));
    let path = pairs.filter_map(|(pure, impure)| graph.path(pure, impure));
    path.map(|path| {
        format!(
            "{}: a pure crate must not reach {}",
            path.join(" → "),
            path[path.len() - 1]
        )
    })
    .collect()
}

fn room(member: &Member) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == member.name)
}

#[cfg(test)]
mod tests {
    use super::{diets, homes, ours, reach};
    use crate::graph::{Graph, tests::member};

    fn graph(members: &[(&str, &[&str])]) -> Graph {
        Graph {
            members: members
                .iter()
                .map(|(name, needs)| member(name, needs))
                .collect(),
            ..Graph::default()
        }
    }

    #[test]
    fn the_edges_of_the_house_pass() {
        let house = graph(&[
            ("delivery", &["dev:proptest"]),
            ("store", &["delivery", "rusqlite"]),
            ("server", &["store", "axum"]),
        ]);
        assert_eq!(
            [ours(&house), diets(&house), homes(&house), reach(&house)].concat(),
            [""; 0]
        );
    }

    #[test]
    fn a_foreign_edge_is_refused_in_tests_too() {
        let house = graph(&[
            ("server", &["dev:sim"]),
            ("sim", &["server"]),
            ("store", &["api"]),
            ("api", &[]),
        ]);
        let found = ours(&house);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("server → sim") && found[1].starts_with("store → api"),
            "{found:?}"
        );
    }

    #[test]
    fn nothing_depends_on_the_binary() {
        let names = [
            "delivery", "profile", "api", "mqtt", "lwm2m", "dtls", "store", "server", "sdk", "sim",
        ];
        for name in names {
            assert_eq!(
                ours(&graph(&[(name, &["downlink"]), ("downlink", &[])])).len(),
                1,
                "{name}"
            );
        }
    }

    #[test]
    fn a_crate_without_a_room_is_refused() {
        assert!(ours(&graph(&[("common", &[])]))[0].contains("no room"));
    }

    #[test]
    fn a_closed_diet_refuses_more_but_lets_tests_test() {
        assert_eq!(
            diets(&graph(&[
                ("delivery", &["serde", "dev:insta"]),
                ("mqtt", &["tokio", "bytes"])
            ]))
            .len(),
            2
        );
        assert_eq!(
            diets(&graph(&[("mqtt", &["dev:tokio"])])).len(),
            1,
            "the ban on a runtime holds for tests"
        );
    }

    #[test]
    fn a_package_stays_in_its_home() {
        let found = homes(&graph(&[
            ("server", &["anyhow"]),
            ("downlink", &["anyhow"]),
            ("sdk", &["dev:axum"]),
        ]));
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_runtime_behind_another_package_is_found() {
        let mut house = graph(&[("mqtt", &["codec"])]);
        house
            .uses
            .entry("mqtt".into())
            .or_default()
            .insert("codec".into());
        house
            .uses
            .entry("codec".into())
            .or_default()
            .insert("tokio".into());
        assert!(reach(&house)[0].starts_with("mqtt → codec → tokio"));
    }
}
