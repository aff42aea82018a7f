"""What of Voiceflow's answers is stored: the fields of its contract, of both generations."""

from sources.allowed import OPEN, Allowed, fields

USAGE = Allowed(
    fields(
        "period projectID environmentID type count successCount name diagramID nodeID model functionID apiToolID"
        " documentID integrationToolName intervalStartDate durationMS averageLatencyMS usageCategory transcriptCount"
        " cost"
    )
)
TRANSCRIPT = Allowed(
    {
        **fields("id projectID environmentID environmentAlias version createdAt updatedAt expiresAt endedAt"),
        **fields("sessionID userID recordingURL name platform"),
        "properties": [{**fields("id name type createdAt updatedAt"), "value": OPEN}],
        "evaluations": [{**fields("id name type cost createdAt updatedAt"), "value": OPEN, "result": OPEN}],
        "logs": [{**fields("type createdAt"), "data": OPEN}],
    }
)
