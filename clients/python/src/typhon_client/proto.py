"""The protocol's own messages, for what this package has no shorter way to say."""

from ._proto.typhon.v1.execution_service_pb2 import *  # noqa: F403
from ._proto.typhon.v1.limits_pb2 import *  # noqa: F403
from ._proto.typhon.v1.outcome_pb2 import *  # noqa: F403
from ._proto.typhon.v1.policy_pb2 import *  # noqa: F403
from ._proto.typhon.v1.program_service_pb2 import *  # noqa: F403
from ._proto.typhon.v1.runtime_service_pb2 import *  # noqa: F403
from ._proto.typhon.v1.session_service_pb2 import *  # noqa: F403
from ._proto.typhon.v1.snapshot_service_pb2 import *  # noqa: F403
from ._proto.typhon.v1.traces_pb2 import *  # noqa: F403
from ._proto.typhon.v1.value_pb2 import *  # noqa: F403
