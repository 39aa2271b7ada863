//! Where the address and the key come from, and that the key goes nowhere else.

use serde_json::json;

use crate::fake::{Answer, Fake, JOBS, KEY};
use crate::run::Home;

fn listing() -> Fake {
    let fake = Fake::start();
    fake.answers(&format!("GET {JOBS}"), [Answer::Json(200, json!({"requests": []}))]);
    fake
}

fn write_private(home: &Home, name: &str, content: &str, mode: u32) {
    let path = home.write(name, content);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

const USUAL: &str = ".config/bulk/config.toml";

#[test]
fn the_file_in_the_usual_place_is_enough() {
    let fake = listing();
    let home = Home::new();
    write_private(
        &home,
        USUAL,
        &format!("[profile.main]\nurl = '{}'\napi_key = '{KEY}'\n", fake.url),
        0o600,
    );
    let run = home.run(&["list"]);
    assert_eq!(run.status, 0, "{run:?}");
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let fake = listing();
    let profiles = |key: &str| {
        format!(
            "default_profile = 'a'\n[profile.a]\nurl = 'https://127.0.0.1:1'\napi_key = '{key}'\n[profile.b]\nurl = '{}'\n",
            fake.url
        )
    };
    let home = Home::new().with("BULK_API_KEY", KEY);
    write_private(&home, USUAL, &profiles("from the file"), 0o600);
    assert_eq!(home.run(&["list", "--profile", "b"]).status, 0, "the key is the variable's");
    let home = home.with("BULK_PROFILE", "b");
    assert_eq!(home.run(&["list"]).status, 0);
    let home = home.with("BULK_URL", "http://127.0.0.1:1");
    assert_eq!(home.run(&["list", "--url", &fake.url]).status, 0);
    let home = home.with("BULK_API_KEY", "wrong");
    write_private(&home, "key", &format!("{KEY}\n"), 0o600);
    assert_eq!(home.run(&["list", "--url", &fake.url, "--api-key-file", "key"]).status, 0);
}

#[test]
fn a_key_file_named_in_the_file_is_beside_it() {
    let fake = listing();
    let home = Home::new();
    write_private(
        &home,
        USUAL,
        &format!("[profile.main]\nurl = '{}'\napi_key_file = 'main.key'\n", fake.url),
        0o644,
    );
    write_private(&home, ".config/bulk/main.key", KEY, 0o600);
    let run = home.run(&["list"]);
    assert_eq!(run.status, 0, "{run:?}");
}

#[cfg(unix)]
#[test]
fn a_key_that_all_users_can_read_is_refused_and_one_that_a_group_can_read_is_warned_of() {
    let fake = listing();
    let home = Home::new().with("BULK_URL", &fake.url);
    for name in [USUAL, "key"] {
        let content = if name == USUAL {
            format!("[profile.main]\napi_key = '{KEY}'\n")
        } else {
            KEY.to_owned()
        };
        let arguments: &[&str] =
            if name == USUAL { &["list"] } else { &["list", "--api-key-file", "key"] };
        write_private(&home, name, &content, 0o644);
        let run = home.run(arguments);
        assert_eq!((run.status, fake.asked().len()), (1, 0), "{run:?}");
        assert!(run.stderr.contains("chmod 600"), "{run:?}");
        run.assert_silent_about(KEY);
        write_private(&home, name, &content, 0o640);
        let run = home.run(arguments);
        assert_eq!(run.status, 0, "{run:?}");
        assert!(run.stderr.starts_with("warning: "), "{run:?}");
        std::fs::remove_file(home.path(name)).unwrap();
        fake.clear_requests();
    }
}

#[test]
fn a_key_is_never_an_argument() {
    let home = Home::new();
    let run = home.run(&["list", "--api-key", KEY]);
    assert_eq!(run.status, 1, "{run:?}");
    let help = home.run(&["--help"]);
    assert_eq!(help.status, 0);
    assert!(!help.stdout.contains("--api-key <"), "{}", help.stdout);
    // Help shows which variables there are, not what is in them.
    let run = home
        .with("BULK_API_KEY", KEY)
        .with("BULK_URL", "https://canary.example")
        .run(&["import", "--help"]);
    run.assert_silent_about("canary");
}

#[test]
fn what_is_missing_is_named_with_the_ways_to_give_it() {
    let home = Home::new();
    insta::assert_snapshot!("no_address", home.run(&["list"]).stderr);
    let run = home.run(&["list", "--url", "https://api.example.com"]);
    insta::assert_snapshot!("no_key", run.stderr);
    let run = home.run(&["list", "--profile", "main"]);
    assert!(run.stderr.contains("there is no profile main"), "{run:?}");
}

#[test]
fn wrong_usage_exits_with_1_and_help_with_0() {
    let home = Home::new();
    for arguments in [
        &["import"][..],
        &["status", "no id"],
        &["no-such-command"],
        &["import", "x", "--no-wait", "--result", "y"],
    ] {
        assert_eq!(home.run(arguments).status, 1, "{arguments:?}");
    }
    assert_eq!(home.run(&["--help"]).status, 0);
    assert_eq!(home.run(&["--version"]).status, 0);
}

#[test]
fn shells_are_told_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let run = home.run(&["completions", shell]);
        assert_eq!(run.status, 0);
        for command in ["import", "check", "status", "cancel", "failures", "patient", "listen"] {
            assert!(run.stdout.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn the_help_shows_examples() {
    insta::assert_snapshot!(Home::new().run(&["--help"]).stdout);
}
