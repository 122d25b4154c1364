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
        request: Request<v1::ListArtifactsRequest>,
    ) -> Reply<v1::ListArtifactsResponse> {
        self.artifacts_of(request).await
    }

    async fn get_artifact(
        &self,
        request: Request<v1::GetArtifactRequest>,
    ) -> Reply<Self::GetArtifactStream> {
        self.artifact_of(request).await
    }

    async fn save_artifact(
        &self,
        request: Request<Streaming<v1::SaveArtifactRequest>>,
    ) -> Reply<v1::SaveArtifactResponse> {
        self.save_of_study(request).await
    }

    async fn read_output(
        &self,
        _: Request<v1::ReadOutputRequest>,
    ) -> Reply<Self::ReadOutputStream> {
        Err(Status::unimplemented("not yet"))
    }
}
