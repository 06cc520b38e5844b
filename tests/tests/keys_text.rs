//! How keys are written: literal text, escaped parameters, what is captured, and that different parameters never give
//! the same key.

#![allow(dead_code, reason = "keyspaces are there to be looked at")]

use std::fmt::{self, Display};
use std::time::Duration;

use proptest::prelude::*;
use swapplex::shape::{Counter, Hash, SortedSet, Value};
use swapplex::{Key, RedisKeys};

const REGION: &str = "eu:west";
const WINDOW: Duration = Duration::from_secs(3600);

struct UserId(u64);

impl Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct Digest([u8; 4]);

impl fmt::LowerHex for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(RedisKeys)]
#[swapplex(prefix = "shop")]
struct Keys {
    /// Documented.
    #[key("user:{id}:profile", ttl = "15m", cached)]
    profile: fn(id: UserId) -> Value<String>,
    #[key("user:{id}:views", ttl = WINDOW)]
    views: fn(id: UserId) -> Counter,
    #[key("{{user:{id}}}:cart")]
    cart: fn(id: u64) -> Hash<String, u32>,
    #[key("season:{season}:ranking")]
    ranking: fn(season: &str) -> SortedSet<u64>,
    #[key("page:{page:04}")]
    page: fn(page: u32) -> Value<String>,
    #[key("color:{color:06X}/{flags:b}/{mode:o}")]
    color: fn(color: u32, flags: u8, mode: u16) -> Value<String>,
    #[key("blob:{digest:x}")]
    blob: fn(digest: Digest) -> Value<String>,
    #[key("both:{n}:{n:x}")]
    both: fn(n: u32) -> Value<String>,
    #[key("region:{REGION}:{id}")]
    region: fn(id: u64) -> Counter,
    #[key("date:{year}-{month}")]
    date: fn(year: &str, month: &str) -> Counter,
    #[key("file:{path}", raw(path))]
    file: fn(path: &str) -> Value<String>,
    #[key("of:{type}:{id}", raw(type))]
    typed: fn(r#type: &str, id: u64) -> Value<String>,
    #[key("legacy{a}x{b}", raw)]
    legacy: fn(a: &str, b: &str) -> Value<String>,
    #[key("flags")]
    flags: fn() -> Value<String>,
    #[key("escaping:{escaping}")]
    escaping: fn(escaping: u8) -> Counter,
    #[key("type:{type}")]
    r#type: fn(r#type: &str) -> Counter,
}

fn text<S, D>(key: &Key<S, D>) -> &str {
    std::str::from_utf8(key.as_bytes()).expect("text")
}

#[test]
fn a_key_is_its_template_with_its_parameters() {
    assert_eq!(text(&Keys::profile(UserId(7))), "shop:user:7:profile");
    assert_eq!(text(&Keys::views(UserId(7))), "shop:user:7:views");
    assert_eq!(text(&Keys::cart(7)), "shop:{user:7}:cart");
    assert_eq!(text(&Keys::ranking("s7")), "shop:season:s7:ranking");
    assert_eq!(text(&Keys::page(7)), "shop:page:0007");
    assert_eq!(text(&Keys::color(0xabc, 5, 8)), "shop:color:000ABC/101/10");
    assert_eq!(
        text(&Keys::blob(Digest([0, 1, 0xfe, 0xff]))),
        "shop:blob:0001feff"
    );
    assert_eq!(text(&Keys::both(10)), "shop:both:10:a");
    assert_eq!(text(&Keys::flags()), "shop:flags");
    assert_eq!(text(&Keys::escaping(1)), "shop:escaping:1");
    assert_eq!(text(&Keys::r#type("a")), "shop:type:a");
}

#[test]
fn constants_stay_as_they_are_and_parameters_are_escaped() {
    assert_eq!(text(&Keys::region(7)), "shop:region:eu:west:7");
    assert_eq!(
        text(&Keys::ranking("a:b%{c}\n/é")),
        "shop:season:a%3Ab%25%7Bc%7D%0A/é:ranking"
    );
    assert_eq!(text(&Keys::date("1-2", "3-4")), "shop:date:1%2D2-3-4");
    assert_eq!(text(&Keys::file("a:b/{c}")), "shop:file:a:b/{c}");
    assert_eq!(text(&Keys::typed("a:b", 7)), "shop:of:a:b:7");
    assert_eq!(text(&Keys::legacy("1:", "2%")), "shop:legacy1:x2%");
}

#[test]
fn a_family_has_its_policy() {
    let policy = Keys::profile(UserId(7)).policy();
    assert_eq!(policy.ttl, Some(Duration::from_secs(900)));
    assert_eq!(policy.cached, Some(swapplex::keys::Cached::UntilChanged));
    assert_eq!(Keys::views(UserId(7)).policy().ttl, Some(WINDOW));
    assert_eq!(*Keys::flags().policy(), swapplex::keys::Policy::new());
}

#[test]
fn keys_with_the_same_hash_tag_are_in_the_same_slot() {
    assert_eq!(Keys::cart(7).slot(), Key::<Counter>::new("{user:7}").slot());
    assert_ne!(Keys::cart(7).slot(), Keys::cart(8).slot());
}

#[test]
fn a_key_is_shown_as_text() {
    assert_eq!(format!("{:?}", Keys::page(7)), "Key(\"shop:page:0007\")");
}

mod generic {
    use super::{Display, RedisKeys, Value, text};

    #[derive(RedisKeys)]
    pub(crate) struct Keys<'s, T, const N: usize>
    where
        T: Display + Copy + 's,
    {
        #[key("of:{id}")]
        pub(crate) of: fn(id: T) -> Value<String>,
        #[key("borrowed:{id}:{name}")]
        pub(crate) borrowed: for<'a> fn(id: &'a T, name: &'s str) -> Value<String>,
        #[key("array:{n}")]
        pub(crate) array: fn(n: Sized<N>) -> Value<String>,
    }

    pub(crate) struct Sized<const N: usize>;

    impl<const N: usize> Display for Sized<N> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            N.fmt(f)
        }
    }

    #[test]
    fn structs_may_be_generic() {
        assert_eq!(text(&Keys::<u64, 0>::of(7)), "of:7");
        assert_eq!(text(&Keys::<u64, 0>::borrowed(&7, "Ada")), "borrowed:7:Ada");
        assert_eq!(text(&Keys::<u64, 3>::array(Sized)), "array:3");
    }
}

mod durations {
    use std::time::Duration;

    use super::{Counter, Display, RedisKeys, Value};

    pub(crate) trait Tenant: Display {
        const WINDOW: Duration;
    }

    pub(crate) struct Hourly;

    impl Display for Hourly {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("hourly")
        }
    }

    impl Tenant for Hourly {
        const WINDOW: Duration = Duration::from_secs(3600);
    }

    #[derive(RedisKeys)]
    pub(crate) struct Keys<T: Tenant, const DAYS: u64> {
        #[key("views:{id}", ttl = T::WINDOW)]
        pub(crate) views: fn(id: u64) -> Counter,
        #[key("visits:{id}", ttl = Duration::from_secs(DAYS * 24 * 3600))]
        pub(crate) visits: fn(id: u64) -> Counter,
        #[key("of:{tenant}", ttl = Self::LONG, cached = <T as Tenant>::WINDOW)]
        pub(crate) of: fn(tenant: T) -> Value<String>,
    }

    impl<T: Tenant, const DAYS: u64> Keys<T, DAYS> {
        const LONG: Duration = T::WINDOW.saturating_mul(24);
    }

    #[derive(RedisKeys)]
    pub(crate) struct Plain {
        #[key("plain:{id}", ttl = Self::WINDOW)]
        pub(crate) plain: fn(id: u64) -> Counter,
    }

    impl Plain {
        const WINDOW: Duration = Duration::from_secs(60);
    }

    #[test]
    fn durations_may_depend_on_the_structs_parameters() {
        const HOUR: Duration = Duration::from_secs(3600);
        assert_eq!(Keys::<Hourly, 2>::views(7).policy().ttl, Some(HOUR));
        assert_eq!(Keys::<Hourly, 2>::visits(7).policy().ttl, Some(HOUR * 48));
        let of = *Keys::<Hourly, 2>::of(Hourly).policy();
        assert_eq!(of.ttl, Some(HOUR * 24));
        assert_eq!(of.cached, Some(swapplex::keys::Cached::AtMost(HOUR)));
        assert_eq!(Plain::plain(7).policy().ttl, Some(Duration::from_secs(60)));
    }
}

mod in_company {
    use std::time::Duration;

    use super::{RedisKeys, UserId, Value, text};

    /// What a program may have in scope, for all types.
    trait Fluent: Sized {
        fn text(self, _: &str) {}
        fn escaped<P>(self, _: P, _: u8, _: usize) {}
        fn raw<P>(self, _: P, _: usize) {}
        fn finish<E, T>(self, _: &E, _: &str, _: T) {}
        fn piece(self) {}
        fn ttl(self, _: Duration) {}
        fn cached(self) {}
    }

    impl<T> Fluent for T {}

    #[derive(RedisKeys)]
    struct Keys {
        #[key("user:{id}/{path}", ttl = "15m", cached, raw(path))]
        user: fn(id: UserId, path: &str) -> Value<String>,
    }

    #[test]
    fn methods_of_all_types_are_not_in_the_way() {
        assert_eq!(text(&Keys::user(UserId(7), "a:b")), "user:7/a:b");
    }
}

mod from_a_macro {
    use super::{RedisKeys, Value, text};

    macro_rules! keys {
        ($name:ident, $template:literal, $ty:ty) => {
            #[derive(RedisKeys)]
            struct $name {
                #[key($template)]
                by_id: fn(id: $ty) -> Value<String>,
                #[key("fixed:{id}")]
                fixed: fn(id: u8) -> Value<String>,
            }
        };
    }

    keys!(Keys, "given:{id}", u64);

    #[test]
    fn templates_may_come_from_macro_rules() {
        assert_eq!(text(&Keys::by_id(7)), "given:7");
        assert_eq!(text(&Keys::fixed(7)), "fixed:7");
    }
}

mod exported {
    pub(crate) mod framework {
        pub(crate) use swapplex as redis_layer;
    }

    use super::text;
    use framework::redis_layer::{RedisKeys, shape::Value};

    #[derive(RedisKeys)]
    #[swapplex(crate = "crate::exported::framework::redis_layer")]
    struct Keys {
        #[key("user:{id}")]
        user: fn(id: u64) -> Value<String>,
    }

    #[test]
    fn the_crate_may_be_exported_by_another() {
        assert_eq!(text(&Keys::user(7)), "user:7");
    }
}

mod injectivity {
    use super::{Counter, Key, RedisKeys};
    use proptest::prelude::*;

    #[derive(RedisKeys)]
    pub(crate) struct Keys {
        #[key("a:{a}:{b}")]
        pub(crate) colon: fn(a: &str, b: &str) -> Counter,
        #[key("b:{a}-{b}/{c}")]
        pub(crate) mixed: fn(a: &str, b: &str, c: &str) -> Counter,
        #[key("c:{{{a}}}{b}")]
        pub(crate) tagged: fn(a: &str, b: &str) -> Counter,
        #[key("d:{a}.{n}.{b}")]
        pub(crate) numbers: fn(a: &str, n: i64, b: &str) -> Counter,
        #[key("e:{a} {b}{END}")]
        pub(crate) space: fn(a: &str, b: &str) -> Counter,
        #[key("f:{n:04}_{m:x}")]
        pub(crate) padded: fn(n: i32, m: u32) -> Counter,
        #[key("g:{a}-{b}-{a}")]
        pub(crate) again: fn(a: &str, b: &str) -> Counter,
    }

    pub(crate) const END: &str = ":end";

    /// Texts out of what could be taken for structure: separators, escapes, braces, hex digits.
    pub(crate) fn nasty() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("%2F"),
            Just("%2D"),
            Just("%25"),
            Just("%"),
            Just("-"),
            Just("/"),
            Just(":"),
            Just("."),
            Just("{"),
            Just("}"),
            Just("2"),
            Just("F"),
            Just("D"),
            Just("A"),
            Just("é"),
            Just("\n"),
            Just("\u{7f}"),
            Just(" "),
            Just("_"),
            Just("end"),
        ];
        prop_oneof![
            proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat()),
            any::<String>(),
        ]
    }

    pub(crate) fn bytes<S, D>(key: &Key<S, D>) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

use injectivity::{Keys as Families, bytes, nasty};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn different_texts_never_give_the_same_key(a in [nasty(), nasty(), nasty()], b in [nasty(), nasty(), nasty()], n in 0..3_i64, m in 0..3_i64) {
        let [a1, a2, a3] = &a;
        let [b1, b2, b3] = &b;
        let same2 = (a1, a2) == (b1, b2);
        prop_assert_eq!(bytes(&Families::colon(a1, a2)) == bytes(&Families::colon(b1, b2)), same2);
        prop_assert_eq!(bytes(&Families::tagged(a1, a2)) == bytes(&Families::tagged(b1, b2)), same2);
        prop_assert_eq!(bytes(&Families::space(a1, a2)) == bytes(&Families::space(b1, b2)), same2);
        prop_assert_eq!(bytes(&Families::again(a1, a2)) == bytes(&Families::again(b1, b2)), same2);
        prop_assert_eq!(bytes(&Families::mixed(a1, a2, a3)) == bytes(&Families::mixed(b1, b2, b3)), a == b);
        prop_assert_eq!(bytes(&Families::numbers(a1, n, a2)) == bytes(&Families::numbers(b1, m, b2)), same2 && n == m);
    }

    #[test]
    fn a_text_shifted_across_a_separator_is_another_key(text in nasty(), at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()) {
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (at, other) = (cuts[at.index(cuts.len())], cuts[other.index(cuts.len())]);
        let ((a1, a2), (b1, b2)) = (text.split_at(at), text.split_at(other));
        for separator in ["", ":", "-", "/", "{", "}", "%3A", "%2D"] {
            let (a2, b2) = (format!("{separator}{a2}"), format!("{separator}{b2}"));
            let same = (a1, &a2) == (b1, &b2);
            prop_assert_eq!(bytes(&Families::colon(a1, &a2)) == bytes(&Families::colon(b1, &b2)), same);
            prop_assert_eq!(bytes(&Families::tagged(a1, &a2)) == bytes(&Families::tagged(b1, &b2)), same);
            prop_assert_eq!(bytes(&Families::again(a1, &a2)) == bytes(&Families::again(b1, &b2)), same);
            prop_assert_eq!(bytes(&Families::mixed(a1, &a2, "")) == bytes(&Families::mixed(b1, &b2, "")), same);
        }
    }

    #[test]
    fn different_numbers_never_give_the_same_key(a in any::<(i32, u32)>(), b in any::<(i32, u32)>()) {
        prop_assert_eq!(bytes(&Families::padded(a.0, a.1)) == bytes(&Families::padded(b.0, b.1)), a == b);
    }

    #[test]
    fn no_text_gives_a_key_another_hash_tag(a in nasty(), b in nasty()) {
        let key = Families::tagged(&a, &b);
        let key = std::str::from_utf8(key.as_bytes()).expect("text");
        prop_assert_eq!(key.matches('{').count(), 1);
        prop_assert_eq!(key.matches('}').count(), 1);
    }
}
