// Sleeping and files: what a Rust program asks of its host. Built with rustc --target wasm32-wasi.
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let directory = &arguments[1];
    let begun = Instant::now();
    sleep(Duration::from_millis(50));
    println!("slept: {}", begun.elapsed() >= Duration::from_millis(50));
    let path = format!("{}/rust.txt", directory);
    let mut file = fs::OpenOptions::new().read(true).write(true).create(true).open(&path)?;
    file.write_all(b"hello from rust")?;
    file.seek(SeekFrom::Start(6))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    println!("read back: {}", text);
    println!("size: {}", fs::metadata(&path)?.len());
    fs::create_dir_all(format!("{}/rust/deep", directory))?;
    fs::rename(&path, format!("{}/rust/deep/moved", directory))?;
    println!("moved: {}", fs::read_dir(format!("{}/rust/deep", directory))?.count());
    println!("called {}", arguments[0]);
    std::process::exit(7);
}
