// Graphs: what a stream was given while it captured, given to a stream again.
#include "stream.h"

using namespace wg::emu;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return guarded([&] {
    std::lock_guard lock(stream->mutex);
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;
    stream->capture = std::make_unique<GraphState>();
    capturing = true;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  std::lock_guard lock(stream->mutex);
  *graph = stream->capture.release();
  capturing = false;
  return note(*graph ? cudaSuccess : cudaErrorStreamCaptureInvalidated);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  {
    std::lock_guard lock(hooks.mutex);
    if (due(hooks.failGraph)) return note(cudaErrorMemoryAllocation);
  }
  return guarded([&] {
    *made = new GraphState(*graph);
    return cudaSuccess;
  });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  if (graph->device != stream->device) return note(cudaErrorInvalidResourceHandle);
  return guarded([&] {
    return stream->enqueue(taskOf([tasks = graph->tasks] {
      for (const TaskPointer& task : tasks) task->run(task->closure);
    }));
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return note(cudaSuccess);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { return cudaGraphDestroy(graph); }
