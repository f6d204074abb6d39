//! R2.8: backups that are made while commands are accepted, and what is restored from them.

use delivery::Moment;
use serde_json::json;
use server::admin::client::{Client, Method};
use server::admin::wire::{ApplicationView, CommandView, DeviceMade, NewBackup};
use server::assembly::{DATABASE_FILE, Running, Server, StartError};
use server::backup::{
    BackupError, MANIFEST_FILE, Made, Manifest, UNFINISHED_FILE, of_folder, restore,
};
use server::config::Config;
use server::secrets::Vault;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use store::{OpenError, Sqlite, SqliteOptions, Store};
use tempfile::TempDir;
use tokio::task::JoinSet;

const NOW: Moment = Moment::from_millis(1_795_000_000_000);

async fn start(folder: &Path) -> Result<Running, StartError> {
    let mut config = Config::local(folder);
    config.commands.pending_max = 0;
    config.commands.open_max = 0;
    config.commands.zombie_after_s = 0;
    Server::new(config).start().await
}

async fn send<T: serde::de::DeserializeOwned>(
    admin: &Client,
    path: &str,
    body: &impl serde::Serialize,
) -> T {
    let path = format!("/downlink/v1/{path}");
    let sent = admin.send(Method::POST, &path, body).await;
    sent.expect("it is done")
}

async fn register(admin: &Client, node_id: &str) -> DeviceMade {
    let body = json!({"appId": "app", "nodeId": node_id});
    send(admin, "devices", &body).await
}

async fn queue(admin: &Client, device: &str) -> String {
    let body = json!({"command": {"serviceId": "Valve", "method": "SET", "paras": {"open": 1}}});
    let path = format!("devices/{device}/commands");
    let command: CommandView = send(admin, &path, &body).await;
    command.command_id
}

/// An installation with an application, a device and a command; its server has stopped.
async fn installation() -> (TempDir, DeviceMade, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let running = start(folder.path()).await.expect("started");
    let admin = running.admin().expect("its door");
    let _: ApplicationView = send(&admin, "applications", &json!({"appId": "app"})).await;
    let device = register(&admin, "meter").await;
    let command = queue(&admin, &device.device_id).await;
    running.stop().await.expect("an orderly end");
    (folder, device, command)
}

/// Whether a command is kept in a data folder on which no server runs.
fn keeps(folder: &Path, command: &str) -> bool {
    let store = Sqlite::open(SqliteOptions::new(folder.join(DATABASE_FILE))).expect("it opens");
    let id = command.parse().expect("an id");
    store.command(id).expect("commands are read").is_some()
}

/// Whether a device's secret opens with the key file that lies beside the database.
fn opens(folder: &Path, device: &DeviceMade) -> bool {
    let store = Sqlite::open(SqliteOptions::new(folder.join(DATABASE_FILE))).expect("it opens");
    let vault = Vault::open(&folder.join("key")).expect("a key");
    let id = device.device_id.parse().expect("an id");
    let kept = store
        .device(id)
        .expect("devices are read")
        .expect("it is kept");
    let sealed = kept.secret.expect("it has a secret");
    let secret = device.secret.as_ref().expect("it was shown");
    vault
        .unseal(&sealed)
        .is_ok_and(|opened| opened == secret.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_8_a_backup_under_load_holds_every_command_that_was_acknowledged_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let running = start(folder.path()).await.expect("started");
    let admin = running.admin().expect("its door");
    let _: ApplicationView = send(&admin, "applications", &json!({"appId": "app"})).await;
    let mut devices = Vec::new();
    for n in 0..8 {
        devices.push(register(&admin, &format!("meter-{n}")).await);
    }
    let (acknowledged, stop) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(AtomicBool::new(false)),
    );
    let mut posters = JoinSet::new();
    for device in &devices {
        let (client, device) = (running.admin().expect("its door"), device.device_id.clone());
        let (acknowledged, stop) = (acknowledged.clone(), stop.clone());
        posters.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let id = queue(&client, &device).await;
                acknowledged.lock().expect("nobody panics").push(id);
            }
        });
    }
    let so_far = || acknowledged.lock().expect("nobody panics").clone();
    let mut backups = Vec::new();
    for n in 0..3 {
        while so_far().len() < 40 * (n + 1) {
            tokio::task::yield_now().await;
        }
        let before = so_far();
        let to = NewBackup {
            folder: folder.path().join(format!("backup-{n}")),
        };
        let made: Made = send(&admin, "backup", &to).await;
        backups.push((before, made));
    }
    stop.store(true, Ordering::SeqCst);
    posters.join_all().await;
    running.stop().await.expect("an orderly end");

    for (before, made) in backups {
        let counts = &made.manifest.counts;
        assert!(counts.accepted >= u64::try_from(before.len()).expect("small"));
        assert_eq!(counts.accepted, counts.open + counts.ended);
        let place = tempfile::tempdir().expect("a folder");
        let restored = restore(&made.folder, place.path(), false).expect("it is put in place");
        assert_eq!(
            (restored.manifest, restored.replaced),
            (made.manifest, None)
        );
        assert!(devices.iter().all(|device| opens(place.path(), device)));
        let running = start(place.path()).await.expect("it serves");
        let admin = running.admin().expect("its door");
        for id in before {
            let found: CommandView = admin
                .read(&format!("/downlink/v1/commands/{id}"))
                .await
                .expect("it was acknowledged before the backup began");
            assert_eq!(found.status, "PENDING");
        }
        queue(&admin, &devices[0].device_id).await;
        running.stop().await.expect("an orderly end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_where_nothing_is_and_is_its_owners_alone() {
    let (folder, device, command) = installation().await;
    let tls = folder.path().join("tls");
    fs::create_dir(&tls).expect("made");
    fs::write(tls.join("ca.pem"), "certificate").expect("written");
    fs::write(tls.join("ca-key.pem"), "key").expect("written");
    fs::write(tls.join("own.pem"), "not ours").expect("written");
    let place = tempfile::tempdir().expect("a folder");
    let to = place.path().join("deep").join("backup");
    let made = of_folder(folder.path(), &to, NOW).expect("made");
    let names: Vec<&str> = made
        .manifest
        .files
        .iter()
        .map(|f| f.name.as_str())
        .collect();
    assert_eq!(
        names,
        [DATABASE_FILE, "key", "tls/ca.pem", "tls/ca-key.pem"]
    );
    let mode = |name: &str| {
        let file = fs::metadata(to.join(name)).expect("it is there");
        file.permissions().mode() & 0o777
    };
    assert_eq!(
        ["", "key", DATABASE_FILE, "tls/ca-key.pem"].map(mode),
        [0o700, 0o600, 0o600, 0o600]
    );
    let text = fs::read(to.join(MANIFEST_FILE)).expect("read");
    let manifest: Manifest = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(manifest, made.manifest);
    assert_eq!(
        (
            manifest.counts.accepted,
            manifest.counts.devices,
            manifest.counts.applications
        ),
        (1, 1, 1)
    );
    // Twice at one place is refused, and leaves what is there.
    let again = of_folder(folder.path(), &to, NOW).expect_err("something is there");
    assert!(matches!(again, BackupError::Exists(_)), "{again}");
    assert_eq!(fs::read(to.join(MANIFEST_FILE)).expect("read"), text);
    let entries = fs::read_dir(to.parent().expect("it has one"))
        .expect("read")
        .count();
    assert_eq!(entries, 1, "nothing is left beside it");
    let nothing = of_folder(place.path(), &place.path().join("x"), NOW).expect_err("no database");
    assert!(matches!(nothing, BackupError::NoDatabase(_)), "{nothing}");
    // What a server's key does not open is no backup.
    fs::write(folder.path().join("key"), [7; 32]).expect("written");
    let wrong = of_folder(folder.path(), &place.path().join("x"), NOW).expect_err("another key");
    assert!(matches!(wrong, BackupError::KeyWrong(_)), "{wrong}");
    assert!(!place.path().join("x").exists());
    let restored = tempfile::tempdir().expect("a folder");
    restore(&to, restored.path(), false).expect("it is put in place");
    assert!(keeps(restored.path(), &command) && opens(restored.path(), &device));
    let ca = fs::read_to_string(restored.path().join("tls/ca.pem"));
    assert_eq!(ca.expect("read"), "certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_makes_backups_at_absolute_paths_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let running = start(folder.path()).await.expect("started");
    let admin = running.admin().expect("its door");
    let refused = |to: PathBuf| {
        let admin = &admin;
        async move {
            let body = serde_json::to_vec(&NewBackup { folder: to }).expect("JSON");
            let exchanged = admin
                .exchange(Method::POST, "/downlink/v1/backup", body.into())
                .await;
            exchanged.expect("an answer").0.as_u16()
        }
    };
    assert_eq!(refused("backup".into()).await, 400);
    assert_eq!(refused(folder.path().to_owned()).await, 409);
    assert_eq!(refused("/proc/no/backup".into()).await, 400);
    running.stop().await.expect("an orderly end");
}

/// Everything in a folder, but for the lock and folders.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder)
        .expect("read")
        .map(|entry| entry.expect("an entry").path());
    let files =
        entries.filter(|path| path.is_file() && path.extension().is_none_or(|e| e != "lock"));
    files
        .map(|path| (path.clone(), fs::read(&path).expect("read")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_refuses_what_is_not_sound_and_changes_nothing() {
    let (folder, _, command) = installation().await;
    let place = tempfile::tempdir().expect("a folder");
    let backup = place.path().join("backup");
    of_folder(folder.path(), &backup, NOW).expect("made");
    let fresh = place.path().join("fresh");
    let refused = |data: &Path, force| restore(&backup, data, force).expect_err("it is not sound");

    let occupied = refused(folder.path(), false);
    assert!(matches!(occupied, BackupError::Occupied(_)), "{occupied}");
    let running = start(folder.path()).await.expect("started");
    let in_use = refused(folder.path(), true);
    assert!(
        matches!(in_use, BackupError::Database(OpenError::InUse(_))),
        "{in_use}"
    );
    running.stop().await.expect("an orderly end");
    let before = content(folder.path());

    let database = backup.join(DATABASE_FILE);
    let sound = fs::read(&database).expect("read");
    let mut altered = sound.clone();
    altered[5_000] ^= 1;
    fs::write(&database, altered).expect("written");
    assert!(matches!(
        refused(folder.path(), true),
        BackupError::Altered {
            what: "SHA-256",
            ..
        }
    ));
    fs::write(&database, &sound[..sound.len() - 1]).expect("written");
    assert!(matches!(
        refused(&fresh, false),
        BackupError::Altered { what: "size", .. }
    ));
    fs::write(&database, &sound).expect("written");

    // A manifest that fits is no proof: the key and the database are tried.
    let manifest = fs::read_to_string(backup.join(MANIFEST_FILE)).expect("read");
    let with = |name: &str, content: &[u8]| {
        use sha2::{Digest, Sha256};
        let path = backup.join(name);
        let hex = |bytes: &[u8]| {
            let digest: [u8; 32] = Sha256::digest(bytes).into();
            let (halves, _) = digest.as_chunks::<16>();
            halves.iter().fold(String::new(), |text, half| {
                format!("{text}{:032x}", u128::from_be_bytes(*half))
            })
        };
        let before = fs::read(&path).expect("read");
        fs::write(&path, content).expect("written");
        let fits = manifest.replace(&hex(&before), &hex(content));
        fs::write(backup.join(MANIFEST_FILE), fits).expect("written");
        let error = restore(&backup, &fresh, true).expect_err("it is not sound");
        fs::write(&path, before).expect("written");
        fs::write(backup.join(MANIFEST_FILE), &manifest).expect("written");
        error
    };
    assert!(matches!(with("key", &[9; 32]), BackupError::KeyWrong(_)));
    let mut damaged = sound.clone();
    damaged[4_096..4_160].fill(0xa5);
    assert!(matches!(
        with(DATABASE_FILE, &damaged),
        BackupError::Database(OpenError::Damaged { .. })
    ));

    for (from, to) in [
        ("\"key\"", "\"../key\""),
        ("\"key\"", "\"downlink.db\""),
        ("\"files\"", "\"other\""),
    ] {
        fs::write(backup.join(MANIFEST_FILE), manifest.replace(from, to)).expect("written");
        assert!(matches!(
            refused(&fresh, false),
            BackupError::NoBackup { .. }
        ));
    }
    fs::remove_file(backup.join(MANIFEST_FILE)).expect("removed");
    assert!(matches!(
        refused(&fresh, false),
        BackupError::NoBackup { .. }
    ));
    assert_eq!(content(folder.path()), before);
    assert_eq!(content(&fresh), BTreeMap::new());
    assert!(keeps(folder.path(), &command));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_force_the_former_data_is_moved_aside_and_still_serves() {
    let (old, old_device, old_command) = installation().await;
    let (new, new_device, new_command) = installation().await;
    let backup = new.path().join("backup");
    of_folder(new.path(), &backup, NOW).expect("made");
    // As after a crash: much of the former database stands in its log, which must not meet the new one.
    let killed = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(SqliteOptions::new(old.path().join(DATABASE_FILE))).expect("it opens");
    let setting = store::Write::Setting {
        name: "n".into(),
        value: vec![1],
    };
    let units = vec![store::Unit {
        turn: None,
        writes: vec![setting],
    }];
    store::conformance::commit(&store, units, NOW).expect("the store is healthy");
    for name in [DATABASE_FILE, "downlink.db-wal", "key"] {
        fs::copy(old.path().join(name), killed.path().join(name)).expect("copied");
    }
    drop(store);
    let restored = restore(&backup, killed.path(), true).expect("it is put in place");
    let aside = restored.replaced.expect("there was something");
    assert!(aside.join("downlink.db-wal").exists());
    assert!(keeps(killed.path(), &new_command) && opens(killed.path(), &new_device));
    assert!(keeps(&aside, &old_command) && opens(&aside, &old_device));
    let running = start(killed.path()).await.expect("it serves");
    running.stop().await.expect("an orderly end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_off_is_found_out_and_finished() {
    let (old, old_device, old_command) = installation().await;
    let (new, new_device, new_command) = installation().await;
    let backup = new.path().join("backup");
    of_folder(new.path(), &backup, NOW).expect("made");
    let data = old.path();
    // It had moved everything aside and put the new database in place, but not its key.
    let aside = data.join("replaced-0a");
    fs::create_dir(&aside).expect("made");
    fs::write(data.join(UNFINISHED_FILE), "replaced-0a").expect("written");
    for name in [DATABASE_FILE, "key"] {
        fs::rename(data.join(name), aside.join(name)).expect("moved");
    }
    fs::copy(backup.join(DATABASE_FILE), data.join(DATABASE_FILE)).expect("copied");
    let refused = start(data).await.err().expect("it is not finished");
    assert!(
        matches!(refused, StartError::RestoreUnfinished { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("downlink restore"),
        "{refused}"
    );
    let restored = restore(&backup, data, false).expect("it is finished");
    assert_eq!(restored.replaced.as_deref(), Some(&*aside));
    assert!(keeps(data, &new_command) && opens(data, &new_device));
    assert!(keeps(&aside, &old_command) && opens(&aside, &old_device));
    let running = start(data).await.expect("it serves");
    running.stop().await.expect("an orderly end");
}
