"""What screens tell the application."""

from textual.message import Message


class Announce(Message):
    """The terminal shall notify."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Chosen(Message):
    """A setting has another value."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__()
        self.name, self.value = name, value


class LoggedIn(Message):
    """A Box and a token that opens it."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self.url, self.token = url, token
