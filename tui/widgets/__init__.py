"""The few widgets of the console. Each shows lines and reports keys; none decides."""
