//! How much memory this process uses.

use std::fs;

/// Bytes of this process in physical memory, where the system tells (Linux).
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn memory_in_use_is_seen() {
        let before = super::resident().unwrap();
        let block = vec![1_u8; 64 << 20];
        let during = super::resident().unwrap();
        assert!(during >= before + (32 << 20), "{before} {during} {}", block.len());
    }
}
