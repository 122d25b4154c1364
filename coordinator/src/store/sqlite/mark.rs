//! A number in the store's header that counts its logs. See `pair.rs`.

use rusqlite::Connection;

/// The position of the number in the file's first page.
pub(super) const PLACE: std::ops::Range<usize> = 60..64;

/// Draws the first number of a new store.
pub(super) fn draw(conn: &Connection) -> rusqlite::Result<()> {
    // Even, not 0, and far from the largest value.
    let drawn = conn.query_row("SELECT (random() & 0x3fffff00) | 0x100", [], |row| row.get(0))?;
    set(conn, drawn)
}

/// The number as seen through file and log together.
pub(super) fn read(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0)).map(i32::cast_unsigned)
}

/// Marks that there is a log.
pub(super) fn make_odd(conn: &Connection) -> rusqlite::Result<()> {
    let now = read(conn)?;
    if is_odd(now) { Ok(()) } else { set(conn, now + 1) }
}

/// Marks that file and log together are complete.
pub(super) fn make_even(conn: &Connection) -> rusqlite::Result<()> {
    let now = read(conn)?;
    if is_odd(now) { set(conn, now + 1) } else { Ok(()) }
}

fn set(conn: &Connection, number: u32) -> rusqlite::Result<()> {
    conn.pragma_update(None, "user_version", number.cast_signed())
}

/// Whether a file with this number has a log.
pub(super) fn is_odd(number: u32) -> bool {
    !number.is_multiple_of(2)
}

/// The number in a first page, from the file or from a log.
pub(super) fn in_page(page: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(page.get(PLACE)?.try_into().ok()?))
}
