"""What of a call is stored: the fields of Vapi's contract that bills, margins, routing and readers need.

Left out for everybody: what lets someone act with the tenant's rights (keys, server secrets, call tokens, the addresses
that listen to or control a live call) and the definitions of assistants, which hold them.
"""

from sources.checks.allowed import ANY_NAME, LEFT_OUT, OPEN, PLAIN, Allowed, Shape, fields

_MODEL = fields("provider model")
_TOKENS = fields("promptTokens completionTokens cachedPromptTokens reasoningTokens")
_COST_ITEM: Shape = {
    **fields("type cost subType analysisType provider minutes seconds characters name usageComplete"),
    **_TOKENS,
    **fields("promptTextTokens promptAudioTokens completionTextTokens completionAudioTokens"),
    "model": _MODEL,
    "transcriber": _MODEL,
    "voice": fields("provider model voiceId"),
    "structuredOutputBreakdown": [{**fields("structuredOutputId name cost"), **_TOKENS}],
}
_ANALYSES = ("summary", "structuredData", "successEvaluation", "structuredOutput")
_COST_BREAKDOWN: Shape = {
    **fields("transport stt llm tts vapi chat total"),
    **fields("llmPromptTokens llmCompletionTokens llmCachedPromptTokens ttsCharacters"),
    **fields("knowledgeBaseCost voicemailDetectionCost"),
    "analysisCostBreakdown": {
        f"{analysis}{counted}": PLAIN
        for analysis in _ANALYSES
        for counted in ("", "PromptTokens", "CompletionTokens", "CachedPromptTokens")
    },
}
_OVERRIDES: Shape = {
    **fields("name"),
    "variableValues": OPEN,
    "metadata": OPEN,
    "model": _MODEL,
    "voice": fields("provider model voiceId"),
    "transcriber": fields("provider model language"),
}
_CUSTOMER: Shape = {
    **fields("number name email externalId sipUri extension numberE164CheckEnabled"),
    "assistantOverrides": _OVERRIDES,
}
_TOOL_CALL: Shape = {**fields("id type name"), "function": {"name": PLAIN, "arguments": OPEN}}
_MESSAGES: Shape = [
    {
        **fields("role message name source speakerLabel time endTime secondsFromStart duration toolCallId"),
        "content": OPEN,
        "result": OPEN,
        "toolCalls": [_TOOL_CALL],
        "tool_calls": [_TOOL_CALL],
        "tool_call_id": PLAIN,
    }
]
_RECORDINGS = fields("recordingUrl stereoRecordingUrl videoRecordingUrl videoRecordingStartDelaySeconds")
_DESTINATION: Shape = {
    **fields("type number sipUri extension callerId assistantName description numberE164CheckEnabled"),
    "message": LEFT_OUT,
    "transferPlan": LEFT_OUT,
}
_ARTIFACT: Shape = {
    **_RECORDINGS,
    **fields("transcript logUrl pcapUrl structuredOutputsLastUpdatedAt"),
    "recording": {
        **fields("stereoUrl videoUrl videoRecordingStartDelaySeconds"),
        "mono": fields("combinedUrl assistantUrl customerUrl"),
    },
    "messages": _MESSAGES,
    "messagesOpenAIFormatted": _MESSAGES,
    "structuredOutputs": {ANY_NAME: {"name": PLAIN, "result": OPEN, "compliancePlan": LEFT_OUT}},
    "scorecards": {
        ANY_NAME: {**fields("name score scoreNormalized"), "metricPoints": {ANY_NAME: PLAIN}},
    },
    "variables": OPEN,
    "variableValues": OPEN,
    "performanceMetrics": {
        **fields("modelLatencyAverage voiceLatencyAverage transcriberLatencyAverage endpointingLatencyAverage"),
        **fields("turnLatencyAverage fromTransportLatencyAverage toTransportLatencyAverage"),
        **fields("numUserInterrupted numAssistantInterrupted"),
        "turnLatencies": [
            fields(
                "modelLatency voiceLatency transcriberLatency endpointingLatency turnLatency fromTransportLatency"
                " toTransportLatency"
            )
        ],
    },
    "transfers": [{**fields("mode status"), "destination": _DESTINATION}],
    "nodes": LEFT_OUT,
}

CALL = Allowed(
    {
        **fields("id orgId type status endedReason endedMessage createdAt updatedAt startedAt endedAt cost"),
        **fields(
            "assistantId assistantVersion phoneNumberId squadId squadVersion workflowId customerId campaignId name"
        ),
        **fields("phoneCallProvider phoneCallProviderId phoneCallTransport"),
        "costs": [_COST_ITEM],
        "costBreakdown": _COST_BREAKDOWN,
        "schedulePlan": fields("earliestAt latestAt"),
        "phoneCallProviderDetails": {**fields("sbcCallId sipReason sipStatus"), "sip": LEFT_OUT},
        "transport": {
            **fields("provider callSid accountSid sbcCallSid conversationType conversationUUID callUUID"),
            **fields("callControlId callLegId callSessionId assistantVideoEnabled videoRecordingEnabled"),
            "callUrl": LEFT_OUT,
        },
        "customer": _CUSTOMER,
        "destination": _DESTINATION,
        "phoneNumber": fields(
            "id provider number name sipUri extension status assistantId squadId workflowId twilioAccountSid"
            " twilioPhoneNumber"
        ),
        "assistant": {
            **fields("id name"),
            "model": _MODEL,
            "voice": fields("provider model voiceId"),
            "transcriber": fields("provider model language"),
            "metadata": OPEN,
        },
        "assistantOverrides": _OVERRIDES,
        "squad": fields("id name"),
        "workflow": fields("id name"),
        "metadata": OPEN,
        "analysis": {
            **fields("summary successEvaluation"),
            "structuredData": OPEN,
            "structuredDataMulti": OPEN,
        },
        "compliance": {"recordingConsent": fields("type grantedAt")},
        "artifact": _ARTIFACT,
        "messages": _MESSAGES,
        "messagesOpenAIFormatted": _MESSAGES,
        **_RECORDINGS,
        **fields("transcript summary"),
        "monitor": LEFT_OUT,
        "webCallUrl": LEFT_OUT,
        "phoneCallProviderBypassEnabled": LEFT_OUT,
    },
    typed=fields("id type status endedReason createdAt updatedAt startedAt endedAt cost assistantId phoneNumberId"),
)
