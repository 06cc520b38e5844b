//! No text that can reach a log holds a piece of a password, whatever the configuration looks like.

use std::error::Error;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::environment::fake::Fake;
use super::variables::Component;
use super::{Secret, Source};

/// Each piece of a password carries it, so that a password cut in two is noticed as well.
const MARK: &str = "zq7";

/// Passwords whose special characters cut a URL in places where nobody wants it cut.
fn password() -> impl Strategy<Value = String> {
    let piece = prop_oneof![3 => Just(MARK), 1 => Just("1")];
    let special = prop::sample::select(vec![
        "/", "@", ":", "%", "#", "?", "&", "=", "[", "]", "\\", "+", " ", "//", "://", "%2F", "%ff", ";",
        "{", "\"", "\n", "\u{1b}", "ü", "::", "..", "&pass=", "@host:1/",
    ]);
    (prop::collection::vec((piece, special), 0..4), Just(MARK)).prop_map(|(pieces, last)| {
        let pieces: Vec<String> = pieces
            .into_iter()
            .map(|(piece, special)| [piece, special].concat())
            .collect();
        pieces.concat() + last
    })
}

/// Where a password stands in a URL, rightly or by mistake.
const URLS: [&str; 16] = [
    "{}",
    "redis://:{}@host",
    "redis://app:{}@host:7000/1",
    "rediss://app:{}@host/x",
    "rediss://app:{}@host#insecure",
    "redis://app:{}@host:x",
    "redis://app:{}@host?protocol=4",
    "redis://app:{}@[::1]?client_name=a",
    "redis://app:{}@0.0.0.0",
    "http://app:{}@host",
    "app:{}@host",
    "redis:app:{}@host",
    "unix:///run/redis.sock?pass={}",
    "unix:///run/redis.sock?user=app&pass={}&db=x",
    "unix://app:{}@localhost/run/redis.sock",
    "tcp://app:{}@host:6379",
];

fn url() -> impl Strategy<Value = String> {
    (prop::sample::select(URLS.to_vec()), password()).prop_map(|(url, password)| url.replace("{}", &password))
}

/// A value for a variable: a secret only where one belongs, or a whole URL with one in the wrong place.
fn value(component: Component) -> BoxedStrategy<String> {
    let usual = match component {
        Component::Url => return prop_oneof![url(), Just("redis://host".to_owned())].boxed(),
        Component::Password => return prop_oneof![3 => password(), 1 => url()].boxed(),
        Component::Userinfo => {
            return prop_oneof![3 => password().prop_map(|it| format!("app:{it}")), 1 => pasted_url()]
                .boxed();
        }
        // Paths of secrets, and anybody's mistake of putting the secret itself there.
        Component::UrlFile | Component::PasswordFile => {
            return prop_oneof![Just("/run/secret".to_owned()), password(), url()].boxed();
        }
        Component::Scheme => vec!["redis", "rediss", "unix", "http"],
        Component::Host => vec!["host", "::1", "a b", "0.0.0.0"],
        Component::Port => vec!["7000", "0", "tcp://10.0.0.11:6379"],
        Component::Path => vec!["1", "/run/redis.sock"],
        Component::Db => vec!["1", "x"],
        Component::Query => vec!["protocol=resp2", "protocol=4", "client_name=a b"],
        Component::Username => vec!["app"],
        Component::TlsCaFile | Component::TlsCertFile | Component::TlsKeyFile => vec!["/etc/tls.pem"],
    };
    let usual = prop::sample::select(usual).prop_map(ToOwned::to_owned);
    prop_oneof![4 => usual, 1 => pasted_url()].boxed()
}

fn pasted_url() -> impl Strategy<Value = String> {
    password().prop_map(|password| format!("redis://app:{password}@host:7000/1"))
}

/// A variable that is set itself, or whose value stands in another, or with the value where the other's name belongs.
fn variables(component: Component) -> BoxedStrategy<Vec<(String, String)>> {
    let name = format!("REDIS_{}", component.suffix());
    let named_by = format!("{name}_ENV");
    let misplaced = if component.may_hold_secret() {
        prop_oneof![password(), password().prop_map(|it| it.to_uppercase()), url()].boxed()
    } else {
        pasted_url().boxed()
    };
    let misplaced = (Just(named_by.clone()), misplaced).prop_map(|it| vec![it]);
    let elsewhere = format!("NAMED_{}", component.suffix());
    let named = value(component)
        .prop_map(move |it| vec![(named_by.clone(), elsewhere.clone()), (elsewhere.clone(), it)]);
    let own = (Just(name), value(component)).prop_map(|it| vec![it]);
    prop_oneof![6 => own, 1 => named, 1 => misplaced].boxed()
}

fn environment() -> impl Strategy<Value = Fake> {
    let variable = prop::sample::select(Component::ALL.to_vec()).prop_flat_map(variables);
    let file = prop_oneof![password(), url(), Just(String::new())];
    (prop::collection::vec(variable, 1..5), prop::option::of(file)).prop_map(|(variables, file)| {
        let mut fake = Fake::default();
        fake.variables.extend(
            variables
                .into_iter()
                .flatten()
                .map(|(name, value)| (name, value.into())),
        );
        match file {
            Some(content) => fake.file("/run/secret", content),
            None => fake,
        }
    })
}

/// Everything that any part of this module turns into text.
fn all_text(source: &Source, fake: &Fake) -> String {
    let explanation = source.explain_in(fake);
    let mut text = format!(
        "{source:?} {source:#?} {explanation} {explanation:?} {:?}",
        source.unused_in(fake)
    );
    match source.load_from(fake) {
        Ok(target) => write!(text, " {target:?} {target:#?}").expect("a string takes all"),
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(&error);
            while let Some(error) = cause {
                write!(text, " {error} {error:?} {error:#?}").expect("a string takes all");
                cause = error.source();
            }
        }
    }
    text
}

fn assert_secret(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(!text.to_lowercase().contains(MARK), "{}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, max_shrink_iters: 4096, ..ProptestConfig::default() })]

    #[test]
    fn no_environment_makes_a_password_visible(fake in environment()) {
        assert_secret(&all_text(&Source::env_or("REDIS", "redis://127.0.0.1"), &fake))?;
    }

    #[test]
    fn no_url_makes_a_password_visible(url in url()) {
        assert_secret(&all_text(&Source::env_or("REDIS", &url), &Fake::default()))?;
        match Source::url(&url) {
            Ok(source) => assert_secret(&all_text(&source, &Fake::default()))?,
            Err(error) => assert_secret(&format!("{error} {error:?} {error:#?}"))?,
        }
    }

    #[test]
    fn a_lone_user_name_is_taken_for_a_password(password in password()) {
        // What stands before a colon is rightly a user name.
        let url = format!("redis://{}@host", password.replace(':', ""));
        assert_secret(&all_text(&Source::env_or("REDIS", &url), &Fake::default()))?;
    }

    #[test]
    fn a_password_of_a_component_arrives_as_it_was_written(password in password()) {
        let fake = Fake::new([("REDIS_PASSWORD", &password)]);
        let target = Source::env("REDIS").load_from(&fake).expect("any password will do");
        prop_assert_eq!(target.info.redis_settings().password(), Some(password.as_str()));
        prop_assert_eq!(target.info.addr().to_string(), "127.0.0.1:6379");
    }
}

#[test]
fn the_marks_do_reach_the_places_that_are_searched() {
    let fake = Fake::new([("REDIS_HOST", MARK)]);
    assert!(all_text(&Source::env("REDIS"), &fake).contains(MARK));
}

#[test]
fn a_target_or_a_secret_shows_no_password() {
    let url = format!("redis://app:{MARK}@host");
    let target = Source::url(url)
        .and_then(|source| source.load())
        .expect("a valid URL");
    let shown = format!("{target:?}");
    assert!(
        shown.contains("app") && shown.contains("<redacted>") && !shown.contains(MARK),
        "{shown}"
    );
    let shown = format!("{:?}", target.with_credentials(Some("other"), &Secret::new(MARK)));
    assert!(shown.contains("other") && !shown.contains(MARK), "{shown}");
    assert!(!format!("{:?} {:#?}", Secret::new(MARK), Secret::new(MARK)).contains(MARK));
}

#[test]
fn a_key_pasted_in_place_of_its_path_is_not_shown() {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----");
    for name in ["REDIS_TLS_KEY_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_CA_FILE"] {
        let fake = Fake::new([("REDIS_SCHEME", "rediss"), (name, &pem)]);
        let text = all_text(&Source::env("REDIS"), &fake);
        assert!(
            text.contains("expected the path of a PEM file") && !text.contains(MARK),
            "{text}"
        );
    }
}
