//! Kills the functions' processes, which the emulator starts.

use std::path::Path;
use std::process::Command;

use crate::stack::STACK;

/// Kills all processes of a function of this stack and returns how many there were.
///
/// A process belongs to this stack if its program lies in the stack's own folder.
pub fn kill_all(function: &str) -> usize {
    let ours = pids().filter(|pid| is_of(*pid, function)).map(|pid| pid.to_string());
    let ours: Vec<String> = ours.collect();
    // The shell's own `kill`, because small containers have no program of this name.
    let command = format!("kill -KILL {}", ours.join(" "));
    let killed = Command::new("sh").args(["-c", &command]).status().unwrap();
    assert!(
        killed.success() && !ours.is_empty(),
        "{function} had no process, or it ended by itself"
    );
    ours.len()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("this test needs Linux").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn is_of(pid: u32, function: &str) -> bool {
    let folder = Path::new("/proc").join(pid.to_string());
    let program = std::fs::read_link(folder.join("exe"));
    let environment = std::fs::read(folder.join("environ"));
    let (Ok(program), Ok(environment)) = (program, environment) else { return false };
    let is_named = |variable: &[u8]| {
        let variable = String::from_utf8_lossy(variable);
        variable
            .strip_prefix("AWS_LAMBDA_FUNCTION_NAME=")
            .is_some_and(|name| name.split('-').any(|part| part == function))
    };
    program.starts_with(&STACK.temporary) && environment.split(|byte| *byte == 0).any(is_named)
}

/// Returns how many invocations ended, as the emulator saw it, because their process died.
pub fn invocations_that_died(function: &str) -> usize {
    let log = std::fs::read_to_string(STACK.logs.join("emulator.log")).unwrap();
    let died =
        |line: &&str| line.contains(": Runtime exited") && line.contains(&format!("-{function}-"));
    log.lines().filter(died).count()
}
