//! `ArtifactService`.

use kindling_proto::v1;
use kindling_proto::v1::artifact_service_server::ArtifactService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::Service;

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ArtifactService for Service {
    type GetArtifactStream = ReceiverStream<Result<v1::GetArtifactResponse, Status>>;
    type ReadOutputStream = ReceiverStream<Result<v1::ReadOutputResponse, Status>>;

    async fn list_artifacts(
        &self,
        _: Request<v1::ListArtifactsRequest>,
    ) -> Reply<v1::ListArtifactsResponse> {
        Err(Status::unimplemented("not yet"))
    }

    async fn get_artifact(
        &self,
        _: Request<v1::GetArtifactRequest>,
    ) -> Reply<Self::GetArtifactStream> {
        Err(Status::unimplemented("not yet"))
    }

    async fn save_artifact(
        &self,
        _: Request<Streaming<v1::SaveArtifactRequest>>,
    ) -> Reply<v1::SaveArtifactResponse> {
        Err(Status::unimplemented("not yet"))
    }

    async fn read_output(
        &self,
        request: Request<v1::ReadOutputRequest>,
    ) -> Reply<Self::ReadOutputStream> {
        self.show_output(request).await
    }
}
