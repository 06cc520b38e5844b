//! Typed keys: how they are written, escaped, shared with other programs and migrated, and which shape to take when.
//!
//! A program that keeps things in Redis has a schema, whether it is written down or not: which keys there are, what
//! they hold, how long they stay. [`RedisKeys`](macro@crate::RedisKeys) has it written down, once, as a struct, and gives
//! each family of keys an accessor in return. What is not in the struct cannot be asked for, and what is asked for has the
//! right text, the right type and the right commands.
//!
//! # Writing a key
//!
//! The template is a Rust format string: `"user:{id}:posts:{page:04}"`. Placeholders name the accessor's parameters, or
//! constants that are in scope. Integers may be padded with zeros or written in another radix (`{n:04}`, `{n:x}`, `{n:b}`,
//! `{n:o}`); a type of bytes that implements `LowerHex` is written with `{digest:x}`. Other formats are refused: they
//! change between releases, or let two different texts meet.
//!
//! The text of a key never comes from a Rust name. Rename a field, a parameter or a type as you like: no data moves.
//! Change a template, and it does.
//!
//! A [`prefix`](macro@crate::RedisKeys#options-of-the-struct-swapplex) with a `:` behind it begins every key of a
//! struct. Programs that share a server want one each.
//!
//! A struct's keys are in the database of the environment, or in the one that `database = …` names, any type with
//! [`#[derive(Database)]`](macro@crate::Database). [`Key::on`](crate::Key::on) takes a single key to another: a replica's, an
//! archive's, or that of a test.
//!
//! # Escaping: different arguments never give the same key
//!
//! With `"{a}:{b}"`, the pairs `("x:y", "z")` and `("x", "y:z")` would be one key if their text were only put in: a
//! user who may choose `a` reads what belongs to another one. So a parameter's text is escaped: control bytes, `%`,
//! `:`, `{` and `}` become `%` and two digits (`%3A`). If another parameter follows, so does the character right behind
//! the placeholder, which therefore must be one that can be escaped: ASCII, neither a letter nor a digit nor `%`. In
//! `"{year}-{month}"`, a `-` in `year` is written as `%2D`, and the accessor's docs say so.
//!
//! Reading from the left, the first occurrence of that character ends the parameter, so the arguments can be told from
//! the key. What is escaped depends on the template alone: a new field never moves another one's data. Constants are
//! the template's own text, and stay as they are.
//!
//! Between families: two templates of one struct that could give the same key are an error. A literal where the other
//! template has a placeholder is not, `"user:admin"` beside `"user:{id}"`, since identifiers are mostly numbers; give
//! it a first segment of its own where they are not. Structs are not compared with each other.
//!
//! # Keys shared with other programs
//!
//! Other programs do not escape. `raw(path)`, or `raw` for all parameters, writes text as it is. On the last parameter,
//! that costs nothing but that the text can hold a hash tag; on others, different arguments can give the same key, and
//! it is for you to see that they don't.
//!
//! What other programs store must be what the codec reads. [`Plain`](crate::codec::Plain) is what redis-rs stores and what
//! `redis-cli` shows; with the feature `json`, `Json` is what most languages read.
//!
//! # Hash tags
//!
//! In a cluster, keys with the same text in their first `{…}` share a slot, and only such keys can share a command.
//! Braces are doubled, as in any format string: `"{{user:{id}}}:cart"` gives `{user:7}:cart`. Parameters cannot bring a
//! tag of their own, since braces in them are escaped. [`Key::slot`](crate::Key::slot) tells the slot.
//!
//! `{}` is no tag to Redis, and such a key's slot is that of its whole text: where a tag is nothing but a parameter, as in
//! `"{{{id}}}:a"` and `"{{{id}}}:b"`, an empty `id` gives keys in different slots.
//!
//! # Which shape
//!
//! | you have | take | because |
//! |---|---|---|
//! | something that is read and written as a whole | [`Value`](crate::shape::Value) | its `get`s share an `MGET` with all others; with a `ttl` it is a cache |
//! | a number that many change at once | [`Counter`](crate::shape::Counter) | the server adds, so nobody's addition is lost |
//! | parts that change one by one: a cart, settings | [`Hash`](crate::shape::Hash) | one field is read or written without the others |
//! | "have I seen this?", tags, members | [`Set`](crate::shape::Set) | each once, and asking is cheap |
//! | a queue, the latest few | [`List`](crate::shape::List) | cheap at both ends; slow in the middle |
//! | a ranking, a time line, what is due | [`SortedSet`](crate::shape::SortedSet) | sorted by score as it is written |
//! | events that several readers follow | [`Stream`](crate::shape::Stream) | every entry has a place, and stays when it is read |
//!
//! A `ttl` is of the whole key. On a `Value` it starts at each `set`, and `set_ex` takes another one; on a counter or a
//! collection when the key is created, and not again, so that a busy key expires too. What should expire piece by piece
//! wants a key for each piece.
//!
//! # What a `get` means
//!
//! `get` of a value or a counter is batched: many of them, from whichever tasks, are one `MGET`. It gives `None` where
//! there is no such key **and where the key holds something else**, such as a list, since an `MGET` cannot tell.
//! `get_fresh` asks alone, and fails with `WRONGTYPE`. A value that is there but is not what the key's type says is an
//! error that names the key and the type, never a default.
//!
//! # Migrating
//!
//! - *Another template.* Old data stays under the old text. Add a second field with the new template, write to both, read
//!   the new one and fall back on the old one, and take the old one out once its keys have expired.
//! - *Another type or codec.* With `Json`, a field with `#[serde(default)]` may be added. With `Postcard` nothing may: it
//!   names no fields. For anything else put a version into the template, `"user:{id}:profile:v2"`, and go on as above.
//! - *Another shape.* Redis answers `WRONGTYPE`. A shape is part of the schema: take another template.
//! - *A `ttl` where there was none.* Keys that are there stay until they are written again, or, where the `ttl` starts
//!   when a key is created, until they are deleted. [`Key::expire`](crate::Key::expire) sets it on what is there.
