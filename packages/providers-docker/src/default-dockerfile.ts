/**
 * What the default image is built from when the engine lacks it: `tooling/images/box/Dockerfile`, as text of this
 * package, so that a built and packed one has it too. A test holds the two together.
 */
export const DEFAULT_DOCKERFILE = `# The default box: a shell, git and the tools that commands, files and archives stand on.
# Built by the provider when the engine lacks it; an image of the operator's own may add whatever it likes.
FROM debian:bookworm-slim

# The slim base may bring git already, as an image that was made by debootstrap for a machine without a registry.
RUN { command -v git && command -v ps; } >/dev/null 2>&1 \\
  || { apt-get update \\
    && apt-get install -y --no-install-recommends ca-certificates git procps \\
    && rm -rf /var/lib/apt/lists/*; }

# Everything in a box runs as this user. The spool and the staging folder lie outside the workspace and its archives.
RUN groupadd --gid 1000 box \\
  && useradd --uid 1000 --gid 1000 --home-dir /workspace --no-create-home --shell /bin/sh box \\
  && install -d -o box -g box -m 755 /workspace \\
  && install -d -o root -g root -m 755 /var/lib/boxyard \\
  && install -d -o box -g box -m 700 /var/lib/boxyard/spool /var/lib/boxyard/stage

LABEL io.boxyard.prepared="1"
USER box
WORKDIR /workspace
`;
