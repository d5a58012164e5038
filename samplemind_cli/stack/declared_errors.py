"""Errors that Compose and the engine print about what a compose file asks for.

Each row: a pattern, a message, a hint; in both `{0}` is the line, `{1}`, … the pattern's groups.
"""

DECLARED: tuple[tuple[str, str, str], ...] = (
    (
        r"required variable (\S+) is missing a value((?:: .*)?)",
        "the variable {1}, which the compose file requires, is not set{2}",
        "export {1}=…, or write it into .env beside the compose file",
    ),
    (
        r"validating (\S+): ?(.*?) ?additional propert(?:y|ies) '?(\S+?)'? (?:is )?not allowed",
        "the compose file is broken: this version of Docker Compose does not know `{3}` ({1} {2})",
        "check the spelling; what is new needs a newer Compose: docker compose version",
    ),
    (
        r"cannot join (network|ipc|pid) of a non running container",
        "it shares the {1} of a container that does not run",
        "samplemind stop, then: samplemind start",
    ),
    (
        r"no service selected",
        "there is no service to start: the compose file has none, or each belongs to a profile that is not active",
        "docker compose --profile '*' config --services lists them; then: samplemind up --profile NAME",
    ),
    (
        r"network (\S+) (?:declared as external, but could not be found|not found)",
        "the external network {1} does not exist",
        "docker network create {1}, or take `external: true` out of the compose file",
    ),
    (
        r'external volume "(.+?)" not found',
        "the external volume {1} does not exist",
        "docker volume create {1}, or take `external: true` out of the compose file",
    ),
    (
        r"env file (.+?) not found",
        "the env_file {1} does not exist",
        "create it, or set `required: false` beside its `path` in the compose file",
    ),
    (
        r"bind source path does not exist: (.+)",
        "{1} does not exist, and a secret, config or volume mounts it",
        "create it, or fix the path in the compose file",
    ),
    (
        r"unsupported external (secret|config) (\S+)",
        "the {1} {2} is external, which only Swarm supports",
        "give it a `file` or `environment` in the compose file",
    ),
    (
        r'environment variable "(.+?)" required by (?:file|secret|config) "(.+?)"',
        "the environment variable {1}, from which {2} is made, is not set",
        "export {1}=…, then: samplemind up",
    ),
    (
        r'exec: "(.*?)": (executable file not found|permission denied|no such file|stat )',
        "its image has no program {1} to run ({2})",
        "fix `entrypoint` or `command` in the compose file",
    ),
    (
        r"exec format error",
        "its image is for another processor, or its program is not executable: {0}",
        "set `platform` in the compose file, or build it for this machine",
    ),
    (
        r"unable to find user (.+?): ",
        "its image has no user {1}",
        "fix `user` in the compose file",
    ),
    (
        r"range of CPUs is from [\d.]+ to ([\d.]+)",
        "the compose file asks for more CPUs than the engine has ({1})",
        "lower `cpus` in the compose file",
    ),
    (
        r"minimum memory limit allowed is (\w+)",
        "the memory limit is lower than a container needs ({1})",
        "raise `mem_limit` in the compose file",
    ),
    (
        r'container name "/?(.+?)" is already in use',
        "another container has the name {1}",
        "docker ps --all --filter name={1} shows it, docker rm {1} removes it; or change `container_name`",
    ),
    (
        r"could not select device driver|failed to discover gpu vendor",
        "the engine offers no GPU: {0}",
        "samplemind up --gpu none; samplemind doctor says what is missing",
    ),
    (
        r'error gathering device information while adding custom device "(.+?)"',
        "there is no device {1} on the engine's machine",
        "fix `devices` in the compose file",
    ),
    (
        r"listen (?:tcp|udp)[46]? (\S+?):\d+: bind: cannot assign requested address",
        "{1} is not an address of the engine's machine",
        "fix `ports` in the compose file",
    ),
    (
        r"configured logging driver does not support reading",
        "its logging driver cannot be read",
        "fix `logging` in the compose file, or read the log where that driver writes it",
    ),
    (
        r"pool overlaps with other one|address pools have been fully subnetted",
        "there is no free network range: {0}",
        "docker network prune removes unused networks",
    ),
)
