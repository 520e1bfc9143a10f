"""What the operator of a rehearsal may ask for, from this machine alone: of any exchange faults and a look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec

from venues.loopback.message import Reply, Request
from venues.loopback.refusal import Refusal
from venues.loopback.service import AnyService

ADMIN: Final = "/arb-admin"
ServiceT = TypeVar("ServiceT", bound=AnyService)
_T = TypeVar("_T")


class Admin(ABC, Generic[ServiceT]):
    """Answers requests under ``/arb-admin``. That they come from this machine is for the server to see to."""

    nonsense: ClassVar[tuple[type[Exception], ...]]
    """What a request that makes no sense raises."""

    def __init__(self, service: ServiceT) -> None:
        self._service = service

    def handle(self, request: Request, world_us: int) -> Reply:
        """The reply. Never raises for what a request holds."""
        try:
            return Reply.of(self._answer(request, world_us))
        except Refusal as refusal:
            return Reply.refused(refusal)
        except self.nonsense as error:
            return Reply.refused(self._service.invalid(str(error)))

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """The exchange's own books as they are now: what a ledger is compared with."""

    @abstractmethod
    def _obey(self, wish: str, request: Request, now_us: int) -> dict[str, Any] | None:
        """A wish of this venue's own; what it has to say."""

    def _answer(self, request: Request, world_us: int) -> dict[str, Any]:
        service = self._service
        match request.method, request.path.removeprefix(f"{ADMIN}/"):
            case "GET", "faults":
                return service.faults.document()
            case "POST", "faults":
                service.break_down(self._read(request, service.faults.kind), world_us)
                return service.faults.document()
            case "DELETE", "faults":
                service.mend(request.query.get("name", ""), world_us)
                return service.faults.document()
            case "GET", "state":
                return self.state()
            case "POST", wish:
                return self._obey(wish, request, service.now_us(world_us)) or {"done": True}
            case _:
                raise self._unknown()

    def _read(self, request: Request, kind: type[_T]) -> _T:
        try:
            return msgspec.json.decode(request.body, type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise self._service.invalid(str(error)[:300]) from None

    def _unknown(self) -> Refusal:
        page = f"docs/{self._service.platform}-exchange.md"
        return self._service.refused(404, "not_found", f"no such request: see {page}")
