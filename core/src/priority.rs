//! Thread priorities: background threads run at a lower priority than the thread that draws.
//!
//! A run uses every core for hours. If all threads had the same priority, the window would wait for its turn.
//! A thread of lower priority runs at full speed as long as no other thread wants the core.

/// The priority of background threads, as a `nice` value. A thread of normal priority then gets three times as
/// much of a core. With a higher value, other programs on the machine would starve a run.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const STEPS: i32 = 5;

/// Lowers the priority of the calling thread and of the threads it starts from now on. Does nothing except on
/// Linux; other systems prefer the window in front by themselves.
pub fn give_way() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: a plain system call without pointers; 0 means the calling thread. A refusal changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, STEPS);
    }
}

/// Lowers the priority of rayon's threads, on which networks, filters and searches compute.
pub fn compute_in_background() {
    rayon::spawn_broadcast(|_| give_way());
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    fn priority() -> i32 {
        // SAFETY: a plain system call without pointers; 0 means the calling thread.
        unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
    }

    #[test]
    fn a_thread_gives_way_with_those_it_starts_and_no_other() {
        let before = priority();
        let inside = std::thread::spawn(|| {
            give_way();
            [Some(priority()), std::thread::spawn(priority).join().ok()]
        });
        assert_eq!(inside.join().ok(), Some([Some(STEPS); 2]));
        assert_eq!(priority(), before);
        compute_in_background();
        assert!(rayon::broadcast(|_| priority()).into_iter().all(|one| one == STEPS));
    }
}
