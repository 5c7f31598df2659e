use std::time::Instant;

use axum::routing::{get, post};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

use super::*;

struct Running {
    address: std::net::SocketAddr,
    shutdown: Shutdown,
    server: JoinHandle<usize>,
}

async fn run(config: ServeConfig) -> Running {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/length", post(async |body: String| body.len().to_string()))
        .route(
            "/slow",
            get(async || {
                time::sleep(Duration::from_millis(600)).await;
                "slow"
            }),
        )
        .route("/stuck", get(std::future::pending::<()>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let server = tokio::spawn(serve(listener, router, config, shutdown.clone()));
    Running {
        address,
        shutdown,
        server,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn end(self) -> usize {
        self.shutdown.begin(Duration::ZERO);
        self.server.await.unwrap()
    }
}

/// Sends a request and reads an answer's first bytes; empty when the connection is closed.
async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    read(stream).await
}

async fn read(stream: &mut TcpStream) -> String {
    let mut buffer = vec![0; 4096];
    let read = time::timeout(Duration::from_secs(10), stream.read(&mut buffer)).await;
    let length = read.expect("bytes or the end in time").unwrap_or(0);
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// How long the server keeps a connection on which it should give up.
async fn until_closed(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    while !read(stream).await.is_empty() {}
    start.elapsed()
}

fn short() -> ServeConfig {
    ServeConfig {
        header_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(2),
        drain: Duration::from_secs(1),
        ..ServeConfig::default()
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_further_requests() {
    let running = run(ServeConfig::default()).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        assert!(ask(&mut stream, "/").await.ends_with("hello"));
    }
    let with_body = "POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabcde";
    stream.write_all(with_body.as_bytes()).await.unwrap();
    assert!(read(&mut stream).await.ends_with('5'));
    assert_eq!(running.end().await, 0);
}

#[tokio::test]
async fn a_slow_head_is_cut_off_however_it_drips() {
    let running = run(short()).await;
    let mut silent = running.connect().await;
    let mut dripping = running.connect().await;
    let mut second = running.connect().await;
    assert!(ask(&mut second, "/").await.ends_with("hello"));
    let start = Instant::now();
    let (mut reader, mut writer) = dripping.split();
    let drip = async {
        for byte in b"GET / HTTP/1.1\r\nhost: xxxxxxxxxxxxxxxxxx".iter() {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            time::sleep(Duration::from_millis(100)).await;
        }
        start.elapsed()
    };
    let cut = async {
        let mut buffer = [0; 64];
        let read = time::timeout(Duration::from_secs(10), reader.read(&mut buffer)).await;
        let _ = read.expect("the connection is cut in time");
        start.elapsed()
    };
    second.write_all(b"GET / HT").await.unwrap();
    let (silent, second, cut, _) = tokio::join!(
        until_closed(&mut silent),
        until_closed(&mut second),
        cut,
        drip
    );
    for time in [silent, second, cut] {
        let millis = time.as_millis();
        assert!((900..1900).contains(&millis), "{millis} ms");
    }
    running.end().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_later_than_a_slow_head() {
    let running = run(short()).await;
    let mut stream = running.connect().await;
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
    time::sleep(Duration::from_millis(1500)).await;
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
    let idle = until_closed(&mut stream).await.as_millis();
    assert!((1900..3000).contains(&idle), "{idle} ms");
    running.end().await;
}

#[tokio::test]
async fn a_slow_answer_is_not_cut_off() {
    let running = run(ServeConfig {
        header_timeout: Duration::from_millis(250),
        idle_timeout: Duration::from_millis(250),
        ..short()
    })
    .await;
    let mut stream = running.connect().await;
    assert!(ask(&mut stream, "/slow").await.ends_with("slow"));
    running.end().await;
}

#[tokio::test]
async fn shutting_down_answers_what_is_in_flight_and_says_close() {
    let running = run(short()).await;
    let mut busy = running.connect().await;
    let mut idle = running.connect().await;
    assert!(ask(&mut idle, "/").await.ends_with("hello"));
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    running.shutdown.begin(Duration::ZERO);
    let answer = read(&mut busy).await;
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert!(answer.ends_with("slow"), "{answer}");
    assert!(read(&mut idle).await.is_empty());
    assert_eq!(running.server.await.unwrap(), 0);
    assert!(start.elapsed() < Duration::from_millis(900));
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn shutting_down_goes_on_accepting_for_a_while() {
    let running = run(short()).await;
    running.shutdown.begin(Duration::from_millis(400));
    time::sleep(Duration::from_millis(200)).await;
    let mut late = running.connect().await;
    assert!(ask(&mut late, "/").await.ends_with("hello"));
    assert_eq!(running.server.await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_after_the_drain_time() {
    let running = run(short()).await;
    let mut stuck = running.connect().await;
    stuck
        .write_all(b"GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    assert_eq!(running.end().await, 1);
    let took = start.elapsed().as_millis();
    assert!((900..1500).contains(&took), "{took} ms");
    assert!(read(&mut stuck).await.is_empty());
}

#[tokio::test]
async fn connections_above_the_bound_wait_for_a_place() {
    let running = run(ServeConfig {
        max_connections: 1,
        ..ServeConfig::default()
    })
    .await;
    let mut first = running.connect().await;
    assert!(ask(&mut first, "/").await.ends_with("hello"));
    let mut second = running.connect().await;
    let waits = time::timeout(Duration::from_millis(200), ask(&mut second, "/")).await;
    assert!(waits.is_err());
    drop(first);
    assert!(read(&mut second).await.ends_with("hello"));
    drop(second);
    running.end().await;
}
