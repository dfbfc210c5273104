// The official Node SDK as a bot: echoes as a stream, sends a file for "file", welcomes, updates cards.
const { WSClient, WecomCrypto, decryptFile } = require("@wecom/aibot-node-sdk");

const [command, ...rest] = process.argv.slice(2);

if (command === "crypto") {
  const { token, key, timestamp, nonce, encrypted, signature, plain, file, fileKey } = JSON.parse(rest[0]);
  const crypto = new WecomCrypto(token, key, "");
  const made = crypto.encrypt(plain, timestamp, nonce);
  console.log(JSON.stringify({
    verified: crypto.verifySignature(signature, timestamp, nonce, encrypted),
    decrypted: crypto.decrypt(encrypted),
    encrypted: made.encrypt,
    signature: made.signature,
    file: decryptFile(Buffer.from(file, "base64"), fileKey).toString("base64"),
  }));
  process.exit(0);
}

const quiet = { debug() {}, info() {}, warn() {}, error(...m) { console.error(...m); } };
const client = new WSClient({
  botId: rest[0], secret: rest[1], wsUrl: command, scene: 1, plug_version: "9",
  heartbeatInterval: 200, reconnectInterval: 50, logger: quiet,
});

client.on("authenticated", () => console.log("authenticated"));
client.on("event.disconnected_event", () => console.log("evicted"));
client.on("message.text", async (frame) => {
  const text = frame.body.text.content;
  if (text === "file") {
    const done = await client.uploadMedia(Buffer.alloc(614400, 120), { type: "file", filename: "a.bin" });
    await client.replyMedia(frame, "file", done.media_id);
    await client.sendMessage(frame.body.from.userid, { msgtype: "markdown", markdown: { content: "sent" } });
    return;
  }
  // Not awaited one by one: the SDK must keep them in order, and have each answered.
  await Promise.all([
    client.replyStream(frame, "s1", "a", false, undefined, { id: "FB" }),
    client.replyStream(frame, "s1", "ab", false),
    client.replyStream(frame, "s1", `node: ${text}`, true),
  ]);
});
client.on("message.image", async (frame) => {
  const { buffer } = await client.downloadFile(frame.body.image.url, frame.body.image.aeskey);
  await client.replyStream(frame, "s2", `${buffer.length} bytes`, true);
});
client.on("event.enter_chat", (frame) =>
  client.replyWelcome(frame, { msgtype: "text", text: { content: "Welcome!" } }));
client.connect();
