// Passkeys: the browser's WebAuthn calls in the JSON forms of WebAuthn Level 3.
// The conversion is written out because older phones, and the objects that
// some password managers put in place of the browser's, have no toJSON.

import { Problem } from "./api.js";
import { base64url, bytesOf } from "./bytes.js";

export function supported() {
  return "PublicKeyCredential" in globalThis && "credentials" in navigator;
}

// hasLock tells whether this device can check who uses it: by face,
// fingerprint or the code of its lock screen.
export async function hasLock() {
  try {
    return await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
  } catch {
    return false;
  }
}

// conditional tells whether the browser can offer passkeys at a field.
export async function conditional() {
  try {
    return Boolean(await PublicKeyCredential.isConditionalMediationAvailable());
  } catch {
    return false;
  }
}

// create makes a passkey: PublicKeyCredentialCreationOptionsJSON in,
// RegistrationResponseJSON out. Fails with a Problem.
export async function create(options) {
  const publicKey = {
    ...options,
    challenge: bytesOf(options.challenge),
    user: { ...options.user, id: bytesOf(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  };
  const made = await attempt(() => navigator.credentials.create({ publicKey }));
  return {
    ...common(made),
    response: {
      clientDataJSON: base64url(made.response.clientDataJSON),
      attestationObject: base64url(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

// get signs with a passkey: PublicKeyCredentialRequestOptionsJSON in,
// AuthenticationResponseJSON out. Fails with a Problem. how has the signal and
// mediation of CredentialRequestOptions.
export async function get(options, how) {
  const publicKey = {
    ...options,
    challenge: bytesOf(options.challenge),
    allowCredentials: descriptors(options.allowCredentials),
  };
  const signed = await attempt(() => navigator.credentials.get({ ...how, publicKey }));
  const { clientDataJSON, authenticatorData, signature, userHandle } = signed.response;
  return {
    ...common(signed),
    response: {
      clientDataJSON: base64url(clientDataJSON),
      authenticatorData: base64url(authenticatorData),
      signature: base64url(signature),
      ...(userHandle && { userHandle: base64url(userHandle) }),
    },
  };
}

// disown tells the phone that a passkey is of no use here, so that it stops
// offering it. Not every phone can be told.
export async function disown(rpId, credentialId) {
  try {
    await PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId });
  } catch {
    // it goes on offering it
  }
}

// keepOnly tells the phone which passkeys of a person are of use here, so that it
// stops offering the others (AllAcceptedCredentialsOptions).
export async function keepOnly(accepted) {
  try {
    await PublicKeyCredential.signalAllAcceptedCredentials?.(accepted);
  } catch {
    // it goes on offering them
  }
}

function descriptors(list) {
  return (list ?? []).map((item) => ({ ...item, id: bytesOf(item.id) }));
}

function common(credential) {
  return {
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

const codes = {
  AbortError: "passkey_aborted",
  ConstraintError: "passkey_unsupported",
  InvalidStateError: "already_registered",
  NotAllowedError: "passkey_refused", // cancelled, not recognized, or none is there: browsers do not tell
  NotSupportedError: "passkey_unsupported",
};

async function attempt(run) {
  if (!supported()) throw new Problem("passkey_unsupported");
  try {
    const credential = await run();
    if (credential) return credential;
  } catch (e) {
    throw new Problem(codes[e.name] ?? "passkey_failed");
  }
  throw new Problem("passkey_failed");
}
