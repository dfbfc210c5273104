"""The Chinese of rollbacks."""

ROLLBACK_ZH: dict[str, str] = {
    "let the bot forget the last exchanges of the selected conversation": "忘掉选中会话最近的几轮对话",
    "how many exchanges? a number from 1 to {most}": "要忘掉几轮？请输入 1 到 {most} 的数字",
    "Forget these exchanges of {session}?": "忘掉 {session} 的这几轮对话？",
    "forgotten: {count} of {session}": "已忘掉 {session} 的 {count} 轮对话",
}
