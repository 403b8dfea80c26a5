//! Background threads run at lower priority than the thread that draws the window.
//!
//! A run takes every core for hours. A scheduler that treats all threads alike would let the window wait for its
//! turn. A thread of lower priority loses nothing while no other thread wants the core.

/// How much lower, in the steps of `nice`: a thread of usual priority gets three times as much of a
/// core. More would let the computations of others on the same machine starve a run.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const STEPS: i32 = 5;

/// Lowers the priority of the calling thread, and of threads it starts from now on. Only on Linux;
/// elsewhere the system itself prefers the window in front.
pub fn give_way() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: a plain system call; the number 0 means the calling thread. A refusal changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, STEPS);
    }
}

/// Lowers the priority of the threads on which networks, filters and searches compute.
pub fn compute_in_background() {
    rayon::spawn_broadcast(|_| give_way());
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    fn priority() -> i32 {
        // SAFETY: a plain system call about the calling thread.
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
