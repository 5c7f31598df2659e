//! Panics: one that happens while a request is answered belongs into that request's log line; any
//! other is logged where it happens. Nothing of either reaches a client.

use std::{any::Any, cell::RefCell, panic::PanicHookInfo};

use crate::error::REQUEST_ID;

thread_local! {
    /// Where this thread last panicked while answering a request.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Replaces the hook that prints to standard error.
pub(super) fn install_hook() {
    std::panic::set_hook(Box::new(hook));
}

fn hook(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    if REQUEST_ID.try_with(|_| ()).is_ok() {
        PLACE.set(place);
        return;
    }
    tracing::error!(
        place = place.as_deref(),
        error = message(info.payload()),
        "a thread panicked"
    );
}

/// What to log for a panic that has just been caught on this thread.
pub(super) fn describe(payload: &(dyn Any + Send)) -> String {
    let message = message(payload);
    match PLACE.take() {
        Some(place) => format!("panicked at {place}: {message}"),
        None => format!("panicked: {message}"),
    }
}

fn message(payload: &dyn Any) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "no message"
    }
}
