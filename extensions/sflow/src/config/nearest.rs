//! The valid key that a misspelt one is nearest to: Levenshtein's edit distance, letters' case not counted.

/// The key of `keys` with the smallest distance to `name`.
pub(super) fn nearest(name: &str, keys: &[&'static str]) -> &'static str {
    keys.iter().copied().min_by_key(|key| edit_distance(name, key)).unwrap_or("")
}

fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (y, cell) in b.chars().zip(1..) {
            let above = row.get(cell).copied().unwrap_or(usize::MAX - 1);
            let best = (above + 1).min(left + 1).min(diagonal + usize::from(!x.eq_ignore_ascii_case(&y)));
            if let Some(before) = row.get_mut(cell - 1) {
                *before = left;
            }
            left = best;
            diagonal = above;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn distances() {
        for (a, b, distance) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("ABC", "abc", 0), ("", "", 0)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }
}
