"""What of Voiceflow's answers is stored: the fields of its contract, of both generations."""

from sources.checks.allowed import OPEN, Allowed, fields

_COUNTED = (
    "period projectID environmentID type count successCount diagramID nodeID model functionID apiToolID documentID"
    " integrationToolName intervalStartDate durationMS averageLatencyMS usageCategory transcriptCount cost"
)
FACTS_OF_USAGE = tuple(_COUNTED.split())
# The name is that of a top intent: what visitors asked for, in words.
USAGE = Allowed(fields(f"{_COUNTED} name"))
TRANSCRIPT = Allowed(
    {
        **fields("id projectID environmentID environmentAlias version createdAt updatedAt expiresAt endedAt"),
        **fields("sessionID userID recordingURL name platform"),
        "properties": [{**fields("id name type createdAt updatedAt"), "value": OPEN}],
        "evaluations": [{**fields("id name type cost createdAt updatedAt"), "value": OPEN, "result": OPEN}],
        "logs": [{**fields("type createdAt"), "data": OPEN}],
    }
)
