//! `Debug` without content, for values that must not reach a log.

/// Implements `Debug` so that it shows the name of the type and nothing of its value, because
/// values of patients, and what tells of their health, must not reach a log.
#[macro_export]
macro_rules! hidden_debug {
    ($($name:ident),+) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        })+
    };
}
