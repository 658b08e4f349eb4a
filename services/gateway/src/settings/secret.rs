//! Files of which only the names are settings.

use std::{fs, path::Path};

/// A file with a secret: one line that is not empty. What is in it is not repeated.
pub fn holds_one_line(file: Option<&Path>) -> Result<(), String> {
    let Some(contents) = read(file)? else { return Ok(()) };
    match contents.trim_end_matches(['\r', '\n']) {
        "" => Err("the file is empty".to_owned()),
        line if line.contains(['\r', '\n']) => Err("the file has more than one line".to_owned()),
        _ => Ok(()),
    }
}

/// A file of certificates.
pub fn holds_certificates(file: Option<&Path>) -> Result<(), String> {
    match read(file)? {
        Some(contents) if !contents.contains("-----BEGIN CERTIFICATE-----") => {
            Err("there is no certificate in the file (PEM)".to_owned())
        }
        _ => Ok(()),
    }
}

fn read(file: Option<&Path>) -> Result<Option<String>, String> {
    file.map(fs::read_to_string).transpose().map_err(|error| format!("the file cannot be read: {error}"))
}
