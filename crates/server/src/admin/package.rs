//! The vendor's product package: a zip file, unpacked in memory under strict bounds.

use profile::limits::{FILE_BYTES_MAX, FILES_MAX, PROFILE_BYTES_MAX};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// What a zip file begins with.
const MAGIC: &[u8] = b"PK\x03\x04";
/// Bytes of one name in the package.
const NAME_BYTES_MAX: usize = 512;
/// What the files end with that matter; others are not unpacked.
const WANTED: &str = "-capability.json";

/// Whether these bytes are a zip file.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The files of a package that describe the product, with their paths.
///
/// Sizes are counted while unpacking: what the package says of itself is not believed.
///
/// # Errors
/// In words, for whoever sent the package.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| format!("the package is no zip file: {error}"))?;
    if archive.len() > FILES_MAX {
        return Err(format!("the package holds more than {FILES_MAX} files"));
    }
    let mut files = Vec::new();
    let mut left = PROFILE_BYTES_MAX;
    for index in 0..archive.len() {
        let file = archive
            .by_index(index)
            .map_err(|error| format!("file {} of the package: {error}", index + 1))?;
        let name = file
            .name()
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
            return Err(format!(
                "file {} of the package has no usable name",
                index + 1
            ));
        }
        if !file.is_file() || !name.to_ascii_lowercase().ends_with(WANTED) {
            continue;
        }
        let max = left.min(FILE_BYTES_MAX);
        let mut content = Vec::new();
        let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        file.take(bound)
            .read_to_end(&mut content)
            .map_err(|error| format!("{name}: cannot be unpacked: {error}"))?;
        if content.len() > max {
            return Err(format!(
                "{name}: has more than the {max} bytes that are left for it"
            ));
        }
        left -= content.len();
        files.push((name, content));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .expect("begun");
            writer.write_all(content).expect("written");
        }
        writer.finish().expect("finished").into_inner()
    }

    #[test]
    fn only_files_that_describe_the_product_are_unpacked() {
        let zip = pack(&[
            ("../evil/profile/devicetype-capability.json", b"{}"),
            ("plugin.jar", &[0; 64]),
            ("profile/devicetype-capability.json", b"[]"),
        ]);
        assert!(is_zip(&zip) && !is_zip(b"{}"));
        let files = unpack(&zip).expect("unpacked");
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "../evil/profile/devicetype-capability.json",
                "profile/devicetype-capability.json"
            ]
        );
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let zeros = vec![b' '; FILE_BYTES_MAX + 1];
        let zip = pack(&[("profile/devicetype-capability.json", &zeros)]);
        assert!(zip.len() < FILE_BYTES_MAX / 100, "it is a bomb");
        assert!(unpack(&zip).expect_err("refused").contains("more than the"));
        let half = &zeros[..FILE_BYTES_MAX - 1];
        let many = pack(&[
            ("a-capability.json", half),
            ("b-capability.json", half),
            ("c-capability.json", half),
        ]);
        assert!(
            unpack(&many)
                .expect_err("refused")
                .starts_with("c-capability.json")
        );
        let names: Vec<String> = (0..=FILES_MAX).map(|n| n.to_string()).collect();
        let entries: Vec<(&str, &[u8])> =
            names.iter().map(|name| (name.as_str(), &b""[..])).collect();
        assert!(
            unpack(&pack(&entries))
                .expect_err("refused")
                .contains("more than 2048 files")
        );
    }

    #[test]
    fn damaged_packages_are_refused_in_words() {
        let zip = pack(&[("profile/devicetype-capability.json", b"{\"devices\":[]}")]);
        for cut in 0..zip.len() {
            assert!(unpack(&zip[..cut]).is_err(), "cut at {cut}");
        }
        let mut flipped = 0;
        for at in 0..zip.len() {
            let mut damaged = zip.clone();
            damaged[at] ^= 0x55;
            flipped += usize::from(unpack(&damaged).is_err());
        }
        assert!(
            flipped > 0,
            "some of them cannot be unpacked, none of them panics"
        );
    }
}
