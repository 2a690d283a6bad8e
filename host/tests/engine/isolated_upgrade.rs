//! Another version of an extension that runs in a process of its own: everything that holds in this process holds there.

use super::lab::Lab;
use super::upgrade;

#[test]
fn upgrades_of_processes_under_traffic_lose_no_frame_and_forget_no_connection() {
    upgrade::upgrades_under_traffic((Lab::isolate, true));
}

#[test]
fn what_is_refused_leaves_the_old_process_untouched() {
    upgrade::refusals(Lab::isolate);
}

#[test]
fn the_former_process_goes_on_with_the_state_at_the_cut_over() {
    upgrade::the_way_back(Lab::isolate);
}

#[test]
fn a_process_that_panics_on_probation_gives_way_to_the_former_one() {
    upgrade::a_panic_on_probation(Lab::isolate);
}

#[test]
fn frames_held_by_a_process_are_adopted_by_name_or_go_on() {
    upgrade::held_frames(Lab::isolate);
}

#[test]
fn state_of_a_nic_moves_between_processes_and_fails_whole() {
    upgrade::nics(Lab::isolate);
}
