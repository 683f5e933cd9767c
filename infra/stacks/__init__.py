"""The stacks, in the order in which they are deployed: data, steps, orchestration, api, observability."""

from infra.node import use_node_of_environment

use_node_of_environment()  # before anything below imports CDK
