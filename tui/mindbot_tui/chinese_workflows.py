"""The Chinese of what is told of workflows: see `mindbot.api.shown_workflows`."""

WORKFLOWS: dict[str, str] = {
    # what is known of one
    "about": "用途",
    "address": "地址",
    "chosen by": "选择依据",
    "tripped": "已熔断",
    "app": "应用",
    "form": "表单",
    "bot": "机器人",
    "workflow": "工作流",
    "runs": "运行",
    "late runs": "近期运行",
    "a run": "每次耗时",
    "one run": "单次上限",
    "liked": "好评",
    "split": "分流",
    "shadow": "影子",
    "then asks": "之后询问",
    "by day": "按日",
    "{n} waiting": "等待 {n}",
    "{n} runs": "{n} 次运行",
    "{n} failed": "{n} 次失败",
    "{n} recovered": "{n} 次恢复",
    "{n} in the shadow": "影子运行 {n} 次",
    "{n} answered by others": "{n} 次由其他工作流作答",
    "{share} of late runs succeeded": "近期运行成功率 {share}",
    "{share} of ratings": "占评价的 {share}",
    "{name} {percent}": "{name} {percent}",
    "{n} examples": "{n} 条示例",
    "{n} patterns": "{n} 条模式",
    "priority {n}": "优先级 {n}",
    "from {share} on": "置信度不低于 {share}",
    "{time} at most, tries after the first: {n}": "最长 {time}，首次之后再试 {n} 次",
    "{time}, 95 of 100 within {most}": "中位 {time}，95% 在 {most} 以内",
    "{n} likes": "{n} 个赞",
    "{n} dislikes": "{n} 个踩",
    "well again after {time}": "{time} 后恢复正常",
    "{status} in {time}": "{status}，耗时 {time}",
    "app {name}": "应用 {name}",
    "this app": "此应用",
    "the breaker is open": "已熔断",
    # how runs and nodes ended
    "succeeded": "成功",
    "stopped": "已停止",
    "partial-succeeded": "部分成功",
    "paused": "等待填写表单",
    # views and columns
    "Workflows": "工作流",
    "Workflow {name}": "工作流 {name}",
    "WORKFLOW": "工作流",
    "APP": "应用",
    "APPS": "应用",
    "RUNS": "运行",
    "LIKED": "好评",
    "SHARES": "分流与影子",
    "NODE": "节点",
    "TURN": "轮次",
    "no workflows are configured": "没有配置工作流",
    # what is done about one
    "no workflow is selected": "没有选中工作流",
    "{workflow} is now: {state}": "{workflow} 当前：{state}",
    "this workflow is off": "此工作流已关停",
    "this workflow is on, and nothing of it is left alone": "此工作流已启用，没有被搁置的部分",
    "the configuration disables this workflow": "配置中已禁用此工作流",
    "Switch {workflow} off? The next of its chain answers in its place.": (
        "关停 {workflow}？由其链路中的下一个代为作答。"
    ),
    "Test of {workflow}": "{workflow} 的测试",
    "Asking its apps about themselves; nothing is run.": "正在查询各应用的信息；不会运行任何内容。",
    "A run of {workflow}": "{workflow} 的一次运行",
    "Compared: {workflows}": "对比：{workflows}",
    "running; no user sees it …": "运行中；用户不会看到……",
    "it did not run: {why}": "没有运行：{why}",
    "error": "错误",
    "app: {name}": "应用：{name}",
    "node: {name}": "节点：{name}",
    # keys and commands
    "run": "运行",
    "compare": "对比",
    "workflows": "工作流",
    "workflows: how they are, what they did": "工作流：状态与运行情况",
    "whether its apps can be asked": "它的应用是否可以调用",
    "run a text by hand and see its nodes; no user sees it": "手动运行一段文本并查看节点；用户不会看到",
    "switch the workflow off, also over restarts": "关停此工作流，重启后仍然有效",
    "switch it on; breakers are tried again": "启用；熔断的应用会重新尝试",
    "run a text with several, one beside the other": "用多个工作流运行同一文本并对比",
    "open a workflow: the selected one, or by its name": "打开工作流：选中的，或按名称",
    "prove that the selected workflow's apps can be asked, without a run": (
        "验证选中工作流的应用可以调用，不做运行"
    ),
    "run a text by hand with the selected workflow and see its nodes; no user sees it": (
        "用选中的工作流手动运行一段文本并查看节点；用户不会看到"
    ),
    "run a text by hand with several workflows, one beside the other; no user sees it": (
        "用多个工作流手动运行同一文本并对比；用户不会看到"
    ),
    "switch the selected workflow off until it is switched on again, also over restarts": (
        "关停选中的工作流，直到再次启用，重启后仍然有效"
    ),
    "switch the selected workflow on; open breakers are tried again": (
        "启用选中的工作流；熔断的应用会重新尝试"
    ),
    "show only the turns that the selected workflow answered, or failed at last": (
        "只显示由选中的工作流作答、或最后由它失败的轮次"
    ),
}
