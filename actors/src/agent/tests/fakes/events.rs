// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Where notices go: it notes them, and takes as long as it was told to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::notice::Notice;
use obsyk_domain::ports::{AgentKey, Local, Notices};

/// See the module's page.
#[derive(Default)]
pub(crate) struct Events {
    recorded: RefCell<Vec<(String, Notice)>>,
    takes: Cell<Duration>,
    under_way: Rc<Cell<u64>>,
}

/// A notice that is being recorded, be it to its end or not.
struct UnderWay(Rc<Cell<u64>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Events {
    /// The uid of the resource and the notice, for each that was begun.
    pub(crate) fn recorded(&self) -> Vec<(String, Notice)> {
        self.recorded.borrow().clone()
    }

    /// The reasons of all that were begun.
    pub(crate) fn reasons(&self) -> Vec<&'static str> {
        self.recorded
            .borrow()
            .iter()
            .map(|(_, notice)| notice.reason())
            .collect()
    }

    /// How long one takes from here on.
    pub(crate) fn takes(&self, time: Duration) {
        self.takes.set(time);
    }
}

impl Notices for Events {
    fn record(&self, _: &AgentKey, uid: &str, notice: &Notice) -> Local<()> {
        self.recorded.borrow_mut().push((uid.to_owned(), notice.clone()));
        let takes = self.takes.get();
        self.under_way.set(self.under_way.get() + 1);
        assert_eq!(self.under_way.get(), 1, "two notices are recorded at once");
        let under_way = UnderWay(Rc::clone(&self.under_way));
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            drop(under_way);
        })
    }
}
