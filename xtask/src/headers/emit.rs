//! Writes a C program that compiles only where every declaration of the lists is right.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use dlssl_core::Flavour;
use dlssl_core::ffi::options::{OPTIONS, Setting};
use dlssl_core::ffi::{SymbolSpec, constants, specs};

use super::{Build, place};
use crate::Fallible;

/// Files of the lists, as `file!()` gives them.
const CONSTANTS: &str = "crates/dlssl-core/src/ffi/constants.rs";
const OPTIONS_FILE: &str = "crates/dlssl-core/src/ffi/options.rs";

/// Callback types, as C spells them. Their typedefs are younger than some versions.
const CALLBACKS: &[(&str, &str)] = &[
    ("pem_password_cb", "int (*)(char *, int, int, void *)"),
    ("SSL_verify_cb", "int (*)(int, X509_STORE_CTX *)"),
    ("SSL_CTX_cert_verify_cb", "int (*)(X509_STORE_CTX *, void *)"),
    (
        "SSL_CTX_alpn_select_cb_func",
        "int (*)(SSL *, unsigned char **, unsigned char *, unsigned char *, unsigned int, void *)",
    ),
    ("SSL_CTX_keylog_cb_func", "void (*)(SSL *, char *)"),
    ("SSL_client_hello_cb_fn", "int (*)(SSL *, int *, void *)"),
    ("SSL_info_cb", "void (*)(SSL *, int, int)"),
    ("BIO_write_fn", "int (*)(BIO *, char *, int)"),
    ("BIO_read_fn", "int (*)(BIO *, char *, int)"),
    ("BIO_puts_fn", "int (*)(BIO *, char *)"),
    ("BIO_gets_fn", "int (*)(BIO *, char *, int)"),
    ("BIO_ctrl_fn", "long (*)(BIO *, int, long, void *)"),
    ("OSSL_provider_init_fn", "int (*)(OSSL_CORE_HANDLE *, OSSL_DISPATCH *, OSSL_DISPATCH **, void **)"),
    ("locking_cb", "void (*)(int, int, char *, int)"),
    ("generic_cb", "void (*)(void)"),
    ("new_session_cb", "int (*)(SSL *, SSL_SESSION *)"),
    ("remove_session_cb", "void (*)(SSL_CTX *, SSL_SESSION *)"),
    ("get_session_cb", "SSL_SESSION *(*)(SSL *, unsigned char *, int, int *)"),
    ("ticket_key_evp_cb", "int (*)(SSL *, unsigned char *, unsigned char *, EVP_CIPHER_CTX *, EVP_MAC_CTX *, int)"),
    ("psk_client_cb", "unsigned int (*)(SSL *, char *, char *, unsigned int, unsigned char *, unsigned int)"),
    ("psk_server_cb", "unsigned int (*)(SSL *, char *, unsigned char *, unsigned int)"),
];

/// Writes the program for one build.
pub(super) fn program(build: &Build, include: &Path, sources: &Path) -> Fallible<String> {
    let mut out = String::new();
    // `const` comes and goes between versions without any change to calls, so it is taken out of the comparison;
    // the C library's headers first, which would not survive that.
    out.push_str(
        "#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
         #include <time.h>\n#include <errno.h>\n#include <limits.h>\n#include <sys/types.h>\n#include <sys/time.h>\n\
         #include <inttypes.h>\n#include <stdarg.h>\n#include <stdbool.h>\n#include <ctype.h>\n#include <pthread.h>\n\
         #include <sys/socket.h>\n#include <netinet/in.h>\n#define const\n",
    );
    let headers: BTreeSet<&str> = specs()
        .map(SymbolSpec::header)
        .chain(constants::SPECS.iter().map(|spec| spec.header()))
        .chain(OPTIONS.iter().map(|option| option.header))
        .collect();
    // Only the build's own: the compiler would go on to the system's for one that it lacks.
    for header in headers.into_iter().filter(|header| include.join(header).is_file()) {
        writeln!(out, "#include <{header}>")?;
    }
    for spec in specs().filter(|spec| spec.expected_in(build.flavour, build.version)) {
        let Some(name) = spec.names().next() else { continue };
        let (file, line) = place(sources, spec.file(), spec.field());
        writeln!(out, "#undef {name}")?;
        writeln!(out, "#line {line} \"{}\"", file.display())?;
        writeln!(out, "{} = {name};", declaration(spec, build)?)?;
    }
    for spec in constants::SPECS.iter().filter(|spec| spec.range(build.flavour).contains(build.version)) {
        let (file, line) = place(sources, CONSTANTS, spec.name());
        writeln!(out, "#line {line} \"{}\"", file.display())?;
        writeln!(out, "{}", value(spec.name(), spec.value()))?;
    }
    for option in OPTIONS {
        let row = option.rows.iter().find(|row| row.flavour == build.flavour && row.range.contains(build.version));
        if let Some(row) = row
            && let Setting::Bits(bits) = row.setting
        {
            let (file, line) = place(sources, OPTIONS_FILE, row.c_name);
            writeln!(out, "#line {line} \"{}\"", file.display())?;
            writeln!(out, "{}", value(row.c_name, i64::try_from(bits)?))?;
        }
    }
    Ok(out)
}

/// A check of one value. Some "constants" are enumerators or casts, so the preprocessor cannot do it.
fn value(name: &str, value: i64) -> String {
    format!("_Static_assert((long long)({name}) == {value}LL, \"{name} is not {value}\");")
}

/// A variable that only the function can be assigned to.
fn declaration(spec: &SymbolSpec, build: &Build) -> Fallible<String> {
    let result = if spec.result().is_empty() { "void".to_owned() } else { c_type(spec.result())? };
    let mut arguments = Vec::new();
    for argument in spec.arguments() {
        arguments.push(if *argument == "..." { "...".to_owned() } else { argument_type(argument, build)? });
    }
    let arguments = if arguments.is_empty() { "void".to_owned() } else { arguments.join(", ") };
    // A function pointer as result wraps around the declaration; so it goes through a typedef.
    let field = spec.field();
    Ok(format!(
        "typedef {}; result_of_{field} (*check_{field})({arguments})",
        named(&result, &format!("result_of_{field}"))
    ))
}

/// The type of an argument. LibreSSL has no settings for initialisation and takes them as `void *`.
fn argument_type(argument: &str, build: &Build) -> Fallible<String> {
    if build.flavour == Flavour::LibreSsl && argument == "*const OPENSSL_INIT_SETTINGS" {
        return Ok("void *".to_owned());
    }
    c_type(argument)
}

/// Puts a name where a declaration of this type wants it.
fn named(c_type: &str, name: &str) -> String {
    match c_type.split_once("(*)") {
        Some((before, after)) => format!("{before}(*{name}){after}"),
        None => format!("{c_type} {name}"),
    }
}

/// From a Rust type of the lists to C's.
fn c_type(rust: &str) -> Fallible<String> {
    let rust = rust.trim();
    if let Some(inside) = rust.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
        return c_type(inside);
    }
    for pointer in ["*const ", "*mut "] {
        if let Some(inside) = rust.strip_prefix(pointer) {
            return Ok(format!("{} *", c_type(inside)?.trim_end()));
        }
    }
    if let Some((_, c)) = CALLBACKS.iter().find(|(name, _)| *name == rust) {
        return Ok((*c).to_owned());
    }
    let plain = rust.rsplit("::").next().unwrap_or(rust);
    Ok(match plain {
        "c_double" => "double",
        "c_int" => "int",
        "c_uint" => "unsigned int",
        "c_long" => "long",
        "c_ulong" => "unsigned long",
        "c_char" => "char",
        "c_uchar" => "unsigned char",
        "c_void" => "void",
        "usize" => "size_t",
        "isize" => "ssize_t",
        "u64" => "uint64_t",
        "i64" => "int64_t",
        "u32" => "uint32_t",
        "u16" => "uint16_t",
        "time_t" => "time_t",
        stack if stack.starts_with("stack_st_") => return Ok(format!("struct {stack}")),
        name if name.starts_with(|first: char| first.is_ascii_uppercase()) => name,
        other => return Err(format!("no C type is known for `{other}`").into()),
    }
    .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_translate() {
        assert_eq!(c_type("*mut *const c_uchar").unwrap(), "unsigned char * *");
        assert_eq!(c_type("Option<SSL_verify_cb>").unwrap(), "int (*)(int, X509_STORE_CTX *)");
        assert_eq!(c_type("std::ffi::c_long").unwrap(), "long");
        assert_eq!(named("int (*)(char *)", "x"), "int (*x)(char *)");
        assert!(c_type("u128").is_err());
    }

    #[test]
    fn every_type_of_the_lists_is_known() {
        for spec in specs() {
            for argument in spec.arguments().iter().filter(|argument| **argument != "...") {
                c_type(argument).unwrap();
            }
        }
    }
}
