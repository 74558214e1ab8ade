"""Signatures for Amazon Bedrock and tokens for Google Vertex, by the makers' own libraries (`floorline[bedrock]`, `floorline[vertex]`).

Credentials come from where those libraries look: environment, files, and the machine's own role. Each library is loaded when a
provider needs it.
"""

from floorline.errors import BadInput
from floorline.gateway.policy import Provider
from floorline.gateway.wire.signing import Signer


def signer_for(provider: Provider) -> Signer | None:
    """What signs the requests to `provider`; None when its credential is a mere header. BadInput when the extra is missing."""
    try:
        if provider.auth == "sigv4":
            from floorline.gateway.signers.aws import SigV4, machine_credentials  # noqa: PLC0415 - an optional extra

            return SigV4(machine_credentials, region=provider.region)
        if provider.auth == "google":
            from floorline.gateway.signers.google import GoogleToken, default_credentials  # noqa: PLC0415 - an optional extra

            return GoogleToken(default_credentials)
    except ModuleNotFoundError as missing:
        extra = "bedrock" if provider.auth == "sigv4" else "vertex"
        raise BadInput(
            f"provider {provider.name}: auth {provider.auth} needs {missing.name}: pip install 'floorline[{extra}]', or give it an api_key"
        ) from missing
    return None
