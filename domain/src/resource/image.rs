// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Names of images.

/// The shortest digest in hex: 128 bits.
const SHORTEST_DIGEST: usize = 32;

/// An image's name without a user and a password before it. They don't belong there, and no runtime takes such a name, but the
/// API server does.
pub(super) fn without_user(image: &str) -> String {
    let (name, digest) = match image.rsplit_once('@') {
        Some((name, digest)) if is_digest(digest) => (name, Some(digest)),
        _ => (image, None),
    };
    let name = name.rsplit_once('@').map_or(name, |(_, name)| name);
    digest.map_or_else(|| name.to_owned(), |digest| format!("{name}@{digest}"))
}

/// `sha256:` and so on, and hex.
fn is_digest(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(_, hex)| hex.len() >= SHORTEST_DIGEST && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_no_part_of_an_images_name() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for image in ["web", "shop/web:1.2", "registry.example.com:5000/shop/web:1.2", ""] {
            assert_eq!(without_user(image), image);
            let pinned = format!("{image}@{digest}");
            assert_eq!(without_user(&pinned), pinned);
            for user in ["user:word@", "user@", "user:w@rd@"] {
                assert_eq!(without_user(&format!("{user}{image}")), image);
                assert_eq!(without_user(&format!("{user}{pinned}")), pinned);
            }
        }
    }
}
