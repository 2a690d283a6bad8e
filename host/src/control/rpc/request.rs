//! The way of every request: who may, run it where it may block, note changes in the log, answer.

use super::{ControlService, MAX_REQUESTS};
use crate::control::error::ControlError;
use crate::control::peer::{Caller, Peer, Right};
use crate::control::plane::{ControlPlane, ControlResult};
use crate::control::seats::Running;
use crate::control::status;
use std::sync::Arc;
use tonic::{Request, Response, Status};

impl ControlService {
    /// Who asks, and the mark that keeps the connection open while the request runs.
    pub(super) fn admit<R>(&self, request: &Request<R>, right: Right) -> Result<(Peer, Running), Status> {
        let Caller { peer, ticket } = request.extensions().get::<Caller>().cloned().ok_or_else(|| {
            status::from_error(&ControlError::Internal {
                what: "identifying the client".to_owned(),
                reason: "the connection carries no credentials".to_owned(),
            })
        })?;
        let allowed = self.access.check(&peer, right).and_then(|()| ticket.begin());
        Ok((peer, allowed.map_err(|error| status::from_error(&error))?))
    }

    /// Runs `work` on a blocking thread and waits for it.
    pub(super) async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn ControlPlane) -> ControlResult<T> + Send + 'static,
    ) -> ControlResult<T> {
        let place = Arc::clone(&self.requests)
            .try_acquire_owned()
            .map_err(|_| ControlError::Occupied { limit: u64::try_from(MAX_REQUESTS).unwrap_or(u64::MAX) })?;
        let plane = Arc::clone(&self.plane);
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(plane.as_ref())
        });
        done.await.unwrap_or_else(|error| {
            Err(ControlError::Internal { what: "the request".to_owned(), reason: error.to_string() })
        })
    }

    pub(super) async fn read<R, T, W>(
        &self,
        request: Request<R>,
        work: impl FnOnce(&dyn ControlPlane, R) -> ControlResult<T> + Send + 'static,
    ) -> Result<Response<W>, Status>
    where
        R: Send + 'static,
        T: Into<W> + Send + 'static,
    {
        let (_, _running) = self.admit(&request, Right::Read)?;
        let message = request.into_inner();
        let answer = self.block(move |plane| work(plane, message)).await;
        answer.map(|view| Response::new(view.into())).map_err(|error| status::from_error(&error))
    }

    pub(super) async fn change<R, T, W>(
        &self,
        name: &'static str,
        subject: String,
        request: Request<R>,
        work: impl FnOnce(&dyn ControlPlane, R) -> ControlResult<T> + Send + 'static,
    ) -> Result<Response<W>, Status>
    where
        R: Send + 'static,
        T: Into<W> + Send + 'static,
    {
        let (peer, _running) = self.admit(&request, Right::Change)?;
        let message = request.into_inner();
        let answer = self.block(move |plane| work(plane, message)).await;
        match &answer {
            Ok(_) => tracing::info!(uid = peer.uid, pid = peer.pid, request = name, subject, "done"),
            Err(error) => tracing::warn!(uid = peer.uid, pid = peer.pid, request = name, subject, %error, "refused"),
        }
        answer.map(|view| Response::new(view.into())).map_err(|error| status::from_error(&error))
    }
}
