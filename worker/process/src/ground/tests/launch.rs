//! What a process is given, and why one is not started.

use std::os::unix::ffi::OsStringExt;

use super::*;

#[test]
fn arguments_and_environment_arrive_byte_for_byte() {
    let texts = [
        "--lr=1",
        "",
        "a b",
        "it's \"so\"",
        "$(touch /tmp/x) `id` ${HOME}",
        "-",
        "ünï\u{1f600}",
        "a\nb",
    ];
    let mut echo = python(
        "import os, sys; sys.stdout.write(ascii([os.fsencode(a) for a in sys.argv[1:]] + [os.environb[b'TEST_X']]))",
    );
    echo.args.extend(texts.iter().map(OsString::from));
    echo.args.push(OsString::from_vec(vec![b'x', 0xff, 0xfe]));
    echo.env.push(("TEST_X".into(), OsString::from_vec(vec![b'=', 0x80, b'\n'])));
    let (lines, exit) = Run::start(echo).rest();
    assert!(exit.is_success(), "{lines:?}");
    for text in texts {
        let same =
            format!("import sys; sys.exit(bytes({:?}) not in {})", text.as_bytes(), lines[0]);
        assert!(Run::start(python(&same)).exit().is_success(), "{text} in {}", lines[0]);
    }
    assert!(lines[0].ends_with("b'x\\xff\\xfe', b'=\\x80\\n']"), "{}", lines[0]);
}

#[test]
fn there_is_nothing_to_read_on_standard_input() {
    assert_eq!(Run::start(sh("cat; echo $?")).rest().0, ["0"]);
}

#[test]
fn it_runs_in_its_directory_and_in_a_group_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let mut pwd = sh("pwd; ps -o pgid= -p $$ | tr -d ' '; echo $$");
    pwd.directory = Some(folder.clone());
    let run = Run::start(pwd);
    let id = run.group.id().to_string();
    assert_eq!(run.rest().0, [folder.to_str().unwrap(), &id, &id]);
}

#[test]
fn what_cannot_be_started_is_named_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string();
    std::fs::write(path("text"), "no program").unwrap();
    std::fs::write(path("no_interpreter"), "#!/no/such/thing\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path("no_interpreter"), executable).unwrap();

    let error = |launch: Launch| {
        let ground = Ground::new(None).unwrap();
        let error = launch.start(&ground, |_| {}).map(drop).unwrap_err().to_string();
        assert_eq!(ground.running(), 0);
        error
    };
    let program = |program: OsString| error(Launch { program, ..Launch::default() });
    let contains = |error: String, what: &str| assert!(error.contains(what), "{error}");
    contains(program("no-such-program".into()), "cannot start `no-such-program`: No such file");
    contains(program("no-such-program".into()), "PATH");
    contains(program("./no-such-program".into()), "there is no such file");
    contains(program(path("text")), "`chmod +x`");
    contains(program(path("no_interpreter")), "the interpreter that its first line names");
    contains(program(OsString::new()), "name is empty");
    contains(error(launch("true", &["a", "b\0c"])), "argument 2 has a NUL byte");
    contains(error(launch("true", &[&"x".repeat(1 << 20)])), "give large values in a file");
    contains(
        error(Launch { directory: Some(path("none").into()), ..sh("true") }),
        "its directory `",
    );
    contains(
        error(Launch { directory: Some(path("text").into()), ..sh("true") }),
        "is no directory",
    );
    contains(error(Launch { env: vec![("a=b".into(), "c".into())], ..sh("true") }), "`a=b`");
}
