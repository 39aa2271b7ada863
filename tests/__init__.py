"""Tests, test doubles and measuring tools in Python. What is written in Rust is described in Cargo.toml."""
