//! What the process may ask of its machine.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the process' bound on open files, of which every connection is one, as far as the machine allows without a privilege.
/// Returns the bound that holds then; `None` = none.
pub fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_on_open_files_is_the_highest_that_is_allowed() {
        let raised = raise_open_files();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!((raised, current), (maximum, maximum));
    }
}
