//! Rust types, names and constant values of the ABI in C.

use anyhow::{Context, Result, bail};

/// `CamelCase` as `camel_case`; `ExtensionV1` as `extension_v1`.
pub fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Name of a struct in C.
pub fn struct_name(name: &str) -> String {
    format!("heddle_{}_t", snake_case(name))
}

/// Name of a function pointer type in C.
pub fn function_name(name: &str) -> String {
    format!("heddle_{}", snake_case(name))
}

/// A declaration of `name` with a Rust type, such as `uint8_t mac[6]`.
pub fn declaration(ty: &str, name: &str) -> Result<String> {
    let ty = ty.trim();
    if let Some(inner) = ty.strip_prefix('[') {
        let (element, length) = inner.trim_end_matches(']').split_once(';').context("an array without a length")?;
        let length = length.trim();
        let length = if length.parse::<u32>().is_ok() { length.to_owned() } else { format!("HEDDLE_{length}") };
        return Ok(format!("{} {name}[{length}]", plain(element)?));
    }
    if let Some(inner) = ty.strip_prefix("Option<") {
        return Ok(format!("{} {name}", function_name(inner.trim_end_matches('>'))));
    }
    let pointed = plain(ty)?;
    Ok(if pointed.ends_with('*') { format!("{pointed}{name}") } else { format!("{pointed} {name}") })
}

/// A type that is not an array.
pub fn plain(ty: &str) -> Result<String> {
    let ty = ty.trim();
    if let Some(inner) = ty.strip_prefix("*mut ") {
        return Ok(pointer(&plain(inner)?));
    }
    if let Some(inner) = ty.strip_prefix("*const ") {
        return Ok(pointer(&format!("const {}", plain(inner)?)));
    }
    Ok(match ty {
        "u8" | "u16" | "u32" | "u64" => format!("uint{}_t", ty.trim_start_matches('u')),
        "i64" => "int64_t".to_owned(),
        "i32" => "int32_t".to_owned(),
        "c_void" | "core::ffi::c_void" => "void".to_owned(),
        "std::os::raw::c_char" => "char".to_owned(),
        name if name.starts_with(char::is_uppercase) => struct_name(name),
        other => bail!("type `{other}` has no C counterpart"),
    })
}

fn pointer(to: &str) -> String {
    if to.ends_with('*') { format!("{to}*") } else { format!("{to} *") }
}

/// A constant's value in C: `1 << 3` of a `u64` is `UINT64_C(0x8)`.
pub fn value(ty: &str, text: &str) -> Result<String> {
    if ty == "&str" {
        return Ok(text.to_owned());
    }
    if let Some(bytes) = text.strip_prefix("*b\"") {
        return Ok(format!("{{ {} }}", byte_list(bytes.trim_end_matches('"'))?));
    }
    let number = integer(text)?;
    Ok(match ty {
        "u64" => format!("UINT64_C({number:#x})"),
        "u32" if text.contains("<<") => format!("UINT32_C({number:#x})"),
        "u32" => format!("UINT32_C({number})"),
        "u8" | "u16" | "usize" => number.to_string(),
        "i32" if number < 0 => format!("({number})"),
        "i32" => number.to_string(),
        other => bail!("a constant of type `{other}` has no C counterpart"),
    })
}

fn byte_list(escaped: &str) -> Result<String> {
    let mut out = Vec::new();
    let mut letters = escaped.chars();
    while let Some(letter) = letters.next() {
        out.push(match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('0') => "0".to_owned(),
                Some('x') => format!("0x{}", letters.by_ref().take(2).collect::<String>()),
                other => bail!("escape `{other:?}` is not known"),
            },
            (letter, false) => format!("'{letter}'"),
        });
    }
    Ok(out.join(", "))
}

/// The value of `12`, `-3`, `0x10`, `1 << 5` or `(1 << 5) - 1`.
pub fn integer(text: &str) -> Result<i128> {
    let text = text.trim();
    if let Some((left, right)) = text.rsplit_once(" - ") {
        return Ok(integer(left)? - integer(right)?);
    }
    if let Some((left, right)) = text.split_once(" << ") {
        let (left, right) = (integer(left.trim_start_matches('('))?, integer(right.trim_end_matches(')'))?);
        return Ok(left << u32::try_from(right)?);
    }
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16),
        None => digits.parse(),
    }
    .with_context(|| format!("`{text}` is not a number the header generator can read"))
}

#[cfg(test)]
mod tests {
    use super::{declaration, integer, snake_case, value};

    #[test]
    fn types() {
        let check = |ty: &str, expected: &str| assert_eq!(declaration(ty, "x").unwrap(), expected);
        check("u16", "uint16_t x");
        check("[u8; 6]", "uint8_t x[6]");
        check("[u8; NAME_LEN]", "uint8_t x[HEDDLE_NAME_LEN]");
        check("*mut Packet", "heddle_packet_t *x");
        check("*const PortInfo", "const heddle_port_info_t *x");
        check("*mut *mut c_void", "void **x");
        check("Option<BatchFn>", "heddle_batch_fn x");
        check("Bytes", "heddle_bytes_t x");
        assert!(declaration("usize", "x").is_err());
        assert_eq!(snake_case("ExtensionV1"), "extension_v1");
    }

    #[test]
    fn values() {
        assert_eq!(integer("(1 << 5) - 1").unwrap(), 31);
        assert_eq!(value("u64", "1 << 4").unwrap(), "UINT64_C(0x10)");
        assert_eq!(value("i32", "-9").unwrap(), "(-9)");
        assert_eq!(value("[u8; 8]", r#"*b"HE\0\x01""#).unwrap(), "{ 'H', 'E', 0, 0x01 }");
        assert!(value("u32", "size_of::<Packet>()").is_err());
    }
}
