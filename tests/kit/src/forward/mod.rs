// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A forward proxy as companies have them: it makes tunnels (CONNECT) for https and hands on requests with whole URLs for http,
//! may want a user and password, may refuse all hosts, and may end tunnels on which nothing passes.
//!
//! It serves on a thread of its own, and remembers who was asked for. (What spoils the way on purpose is
//! [`crate::proxy::Proxy`].)

mod tunnel;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::door::Door;
use crate::porter::Porter;

/// How it serves. Without anything: everybody, everywhere, for as long as they like.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    user: Option<(String, String)>,
    refuses: bool,
    idle: Option<Duration>,
    address: Option<IpAddr>,
    known: Vec<(String, SocketAddr)>,
}

impl Builder {
    /// Listens at this address of the machine. Without it, on the loopback interface.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Serves nobody but this user, with this password.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// Refuses all hosts, with 403.
    #[must_use]
    pub fn refuses(mut self) -> Self {
        self.refuses = true;
        self
    }

    /// Ends tunnels on which nothing has passed for this time.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// Knows where this host is, as a name server of its own would.
    #[must_use]
    pub fn knows(mut self, host: impl Into<String>, address: SocketAddr) -> Self {
        self.known.push((host.into(), address));
        self
    }

    /// Starts it on a free port. When this returns, it listens.
    ///
    /// # Errors
    ///
    /// There is no free port, no such address, or no thread.
    pub async fn start(self) -> io::Result<ForwardProxy> {
        let address = SocketAddr::new(self.address.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0);
        let memory = Arc::<Mutex<Memory>>::default();
        let desk = Desk {
            rules: Arc::new(self),
            memory: Arc::clone(&memory),
        };
        let serve = move |door, orders| desk.serve(door, orders);
        let porter = Porter::start("forward-proxy", address, serve).await?;
        Ok(ForwardProxy { porter, memory })
    }
}

/// A request to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `CONNECT`, or the method of a request that was to be handed on.
    pub method: String,
    /// Host and port of a tunnel, or a whole URL.
    pub target: String,
    /// How it was answered; of a request that was handed on, by the target.
    pub status: u16,
}

#[derive(Default)]
struct Memory {
    asked: Vec<Asked>,
    idle_ends: usize,
}

/// The proxy. Dropping it ends it, and its tunnels with it.
pub struct ForwardProxy {
    porter: Porter<Infallible>,
    memory: Arc<Mutex<Memory>>,
}

impl ForwardProxy {
    /// A proxy is described first, then started.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.porter.address()
    }

    /// Its address, for whoever needs no user.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Its address for a user.
    #[must_use]
    pub fn url_for(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.address())
    }

    /// What it was asked for, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.remembered().asked.clone()
    }

    /// How many tunnels it has ended because nothing passed.
    #[must_use]
    pub fn idle_ends(&self) -> usize {
        self.remembered().idle_ends
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

#[derive(Clone)]
struct Desk {
    rules: Arc<Builder>,
    memory: Arc<Mutex<Memory>>,
}

impl Desk {
    async fn serve(self, door: Door, mut orders: mpsc::UnboundedReceiver<Infallible>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    None => return,
                    Some(never) => match never {},
                },
                socket = door.next() => match socket {
                    Ok(socket) => {
                        let desk = self.clone();
                        connections.spawn(async move { desk.attend(socket).await });
                    }
                    Err(_) => tokio::task::yield_now().await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn attend(self, socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let answer = service_fn(move |request| {
            let desk = self.clone();
            async move { Ok::<_, Infallible>(desk.answer(request).await) }
        });
        // A connection that breaks is the client's affair.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(socket), answer)
            .with_upgrades()
            .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (method, target) = (request.method().to_string(), request.uri().to_string());
        let answer = if !self.lets_in(&request) {
            let mut answer = empty(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
            let wanted = HeaderValue::from_static("Basic realm=\"proxy\"");
            answer.headers_mut().insert(PROXY_AUTHENTICATE, wanted);
            answer
        } else if self.rules.refuses {
            empty(StatusCode::FORBIDDEN)
        } else if request.method() == Method::CONNECT {
            self.connect(request).await
        } else {
            let handed_on = hand_on(request, &self.rules.known).await;
            handed_on.unwrap_or_else(|| empty(StatusCode::BAD_GATEWAY))
        };
        let status = answer.status().as_u16();
        self.remember(|memory| memory.asked.push(Asked { method, target, status }));
        answer
    }

    fn lets_in(&self, request: &Request<Incoming>) -> bool {
        let Some((name, password)) = &self.rules.user else {
            return true;
        };
        let wanted = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        request
            .headers()
            .get(PROXY_AUTHORIZATION)
            .is_some_and(|given| given == wanted.as_str())
    }

    async fn connect(&self, request: Request<Incoming>) -> Answer {
        let Ok(server) = TcpStream::connect(request.uri().to_string()).await else {
            return empty(StatusCode::BAD_GATEWAY);
        };
        let desk = self.clone();
        tokio::spawn(async move {
            if let Ok(client) = hyper::upgrade::on(request).await
                && tunnel::carry(TokioIo::new(client), server, desk.rules.idle).await == tunnel::End::Idle
            {
                desk.remember(|memory| memory.idle_ends += 1);
            }
        });
        empty(StatusCode::OK)
    }

    fn remember(&self, note: impl FnOnce(&mut Memory)) {
        note(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Asks the target, on a connection of its own, and hands its answer back.
async fn hand_on(mut request: Request<Incoming>, known: &[(String, SocketAddr)]) -> Option<Answer> {
    let authority = request.uri().authority()?.clone();
    let server = match known.iter().find(|(host, _)| host == authority.host()) {
        Some((_, address)) => TcpStream::connect(address).await,
        None => TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await,
    };
    let server = server.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(server)).await.ok()?;
    tokio::spawn(connection);
    let path = request.uri().path_and_query()?.to_string();
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    let headers = request.headers_mut();
    headers.remove(PROXY_AUTHORIZATION);
    headers.remove(CONNECTION);
    headers.insert(HOST, HeaderValue::from_str(authority.as_str()).ok()?);
    let answer = sender.send_request(request).await.ok()?;
    Some(answer.map(BodyExt::boxed))
}

fn empty(status: StatusCode) -> Answer {
    let nothing = Empty::new().map_err(|never: Infallible| match never {});
    let mut answer = Response::new(nothing.boxed());
    *answer.status_mut() = status;
    answer
}
