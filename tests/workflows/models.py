"""Chat models that name what they used, answer by answer, and ask nobody."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Spoken(BaseChatModel):
    """A model whose nth answer used 100 + n tokens in, a tenth of them cached, and 10 + n out; -1 fails, None does not
    say. `answers` is how many it gives at once, each with the usage of all, as providers do.
    """

    model: str = "small"
    says: Sequence[str] = ("fine",)
    answers: int = 1
    fails: bool = False
    names_usage: bool = True
    calls: list[dict[str, Any]] = []  # noqa: RUF012 - pydantic copies it
    lock: Any = None

    def model_post_init(self, _: Any) -> None:
        self.lock = Lock()

    @property
    def _llm_type(self) -> str:
        return "spoken"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        if self.fails:
            raise RuntimeError("the model does not answer")
        with self.lock:
            number = len(self.calls)
            used = {"input": 100 + number, "cache_read": (100 + number) // 10, "output": 10 + number}
            self.calls.append({"model": self.model, **used})
        usage = {
            "input_tokens": used["input"],
            "output_tokens": used["output"],
            "total_tokens": used["input"] + used["output"],
            "input_token_details": {"cache_read": used["cache_read"]},
        }
        message = AIMessage(
            self.says[number % len(self.says)],
            response_metadata={"model_name": self.model},
            usage_metadata=usage if self.names_usage else None,
        )
        return ChatResult(generations=[ChatGeneration(message=message.model_copy()) for _ in range(self.answers)])

    def spent(self, kind: str) -> int:
        """Tokens of a kind of all calls; what was read from a cache is no input."""
        if kind == "input":
            return sum(call["input"] - call["cache_read"] for call in self.calls)
        return sum(int(call[kind]) for call in self.calls)
