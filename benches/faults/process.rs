//! A newsdesk as its users run it: a process.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use newsdesk::proto::{
    admin_service_client::AdminServiceClient, classifier_service_client::ClassifierServiceClient,
};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// A `newsdesk serve`, which is killed when this is dropped.
pub struct Newsdesk {
    child: Child,
    pub address: SocketAddr,
    pub pages: SocketAddr,
}

/// Returns `newsdesk` with `args`.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    command.args(args);
    command
}

impl Newsdesk {
    pub fn start(args: &[&str]) -> Newsdesk {
        Newsdesk::start_by(command(&[]).stderr(Stdio::null()), args)
    }

    /// Starts a server by a command whose further arguments are those of newsdesk.
    pub fn start_by(command: &mut Command, args: &[&str]) -> Newsdesk {
        command.args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.args(args).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut address, mut pages) = (None, None);
        for line in lines.map_while(Result::ok) {
            if let Some(rest) = line.strip_prefix("listening on http://") {
                address = rest.parse().ok();
            }
            if let Some(rest) = line.strip_prefix("figures on http://") {
                pages = rest.trim_end_matches("/metrics").parse().ok();
                break;
            }
        }
        let (address, pages) = (address.expect("it listens"), pages.expect("it has figures"));
        Newsdesk { child, address, pages }
    }

    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub async fn classifier(&self) -> ClassifierServiceClient<Channel> {
        ClassifierServiceClient::new(self.channel().await)
    }

    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel().await)
    }

    /// Returns the resident bytes of the process.
    pub fn memory(&self) -> u64 {
        memory(self.child.id())
    }

    /// Looks at the memory of the process again and again.
    pub fn watch_memory(&self) -> Watch {
        let most = Arc::new(AtomicU64::new(0));
        let (seen, id) = (Arc::clone(&most), self.child.id());
        let task = tokio::spawn(async move {
            loop {
                seen.fetch_max(memory(id), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Watch { most, task }
    }

    /// Asks after its health again and again, and notes how long that takes; none if there is no answer.
    pub async fn watch_health(&self) -> HealthWatch {
        let mut client = HealthClient::new(self.channel().await);
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&times);
        let task = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                let answer = client.check(HealthCheckRequest::default());
                let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
                let time = answer.is_ok_and(|answer| answer.is_ok()).then(|| began.elapsed());
                seen.lock().unwrap().push(time);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        HealthWatch { times, task }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the process to end.
    pub async fn ended(mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Newsdesk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory that a process had.
pub struct Watch {
    most: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watch {
    pub fn most(self) -> u64 {
        self.task.abort();
        self.most.load(Ordering::Relaxed)
    }
}

/// How long a server took to tell its health.
pub struct HealthWatch {
    times: Arc<Mutex<Vec<Option<Duration>>>>,
    task: JoinHandle<()>,
}

impl HealthWatch {
    /// Returns the times, and how often there was no answer.
    pub fn end(self) -> (Vec<Duration>, usize) {
        self.task.abort();
        let times = std::mem::take(&mut *self.times.lock().unwrap());
        let silent = times.iter().filter(|time| time.is_none()).count();
        (times.into_iter().flatten().collect(), silent)
    }
}

fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
