//! A capture extension may not veto.

use heddle_extension_api::*;

struct Nosy;
struct Worker;

impl CaptureExtension for Nosy {
    type Worker = Worker;
    fn create(_: &Control<'_, rights::Capture>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Nosy)
    }
    fn worker(&mut self, _: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker)
    }
    fn event(&mut self, _: &Control<'_, rights::Capture>, _: &Event<'_>) -> Result<(), Veto> {
        Err(Veto::new("no"))
    }
}

impl CaptureWorker for Worker {}

fn main() {}
