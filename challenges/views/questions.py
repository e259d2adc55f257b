"""Questions and answers of a challenge: read by everyone, written by whoever is signed in."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.paging import page_of
from challenges.forms.talking import AnswerForm, QuestionForm
from challenges.models import Answer, Challenge, Question
from challenges.policies import may_organise
from challenges.selectors.talk import questions_of, thread_of
from challenges.services import asking
from challenges.views.callers import signed_in
from challenges.views.registration import published

_ON_A_PAGE = 20
_LONGEST_SEARCH = 100


@require_http_methods(["GET", "HEAD", "POST"])
def questions(request: HttpRequest, slug: str) -> HttpResponse:
    challenge = published(slug)
    search = request.GET.get("search", "")[:_LONGEST_SEARCH].strip()
    form = QuestionForm(request.POST or None)
    if request.method == "POST":
        if not isinstance(request.user, User):
            return redirect_to_login(request.path)
        if form.is_valid():
            try:
                made = asking.ask(challenge=challenge, user=signed_in(request), **form.cleaned_data)
            except asking.TalkRefused as refusal:
                form.take(refusal)
            else:
                messages.success(request, "Asked; you are told when it is answered.")
                return redirect("question", slug, made.public_id)
    context = {
        "challenge": challenge,
        "page": page_of(request, questions_of(request.user, challenge, search), _ON_A_PAGE),
        "search": search,
        "form": form,
        "most": asking.QUESTIONS_A_DAY,
    }
    status = 422 if form.errors else 200
    return render(request, "challenges/questions.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def question(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """One with its answers. Who moderates does so here."""
    challenge = published(slug)
    if thread_of(request.user, challenge, public_id) is None:
        raise Http404
    form, refused, at = AnswerForm(), "", ""
    if request.method == "POST":
        if not isinstance(request.user, User):
            return redirect_to_login(request.path)
        found = challenge.questions.get(public_id=public_id)
        what, at = request.POST.get("what", ""), request.POST.get("entry", "")
        try:
            if what == "answer":
                form = AnswerForm(request.POST)
                _answer(request, form, found)
            else:
                _moderate(request, challenge, found, what)
        except asking.TalkRefused as refusal:
            if what == "answer":
                form.take(refusal)
            refused = refusal.message
        else:
            return redirect("question", slug, public_id)
    context = {
        "challenge": challenge,
        "thread": thread_of(request.user, challenge, public_id),
        "organises": may_organise(request.user, challenge),
        "form": form,
        "refused": refused,
        "refused_at": at,
        "reason": request.POST.get("reason", ""),
    }
    status = 422 if refused else 200
    return render(request, "challenges/question.html", context, status=status)


def _answer(request: HttpRequest, form: AnswerForm, question: Question) -> None:
    if form.is_valid():
        asking.answer(question=question, user=signed_in(request), **form.cleaned_data)
        messages.success(request, "Answered.")


def _moderate(request: HttpRequest, challenge: Challenge, question: Question, what: str) -> None:
    if not may_organise(request.user, challenge) or what not in _OF_A_QUESTION | _OF_AN_ENTRY:
        raise Http404
    if what in _OF_A_QUESTION:
        _PLAIN[what](question)
        return
    entry: Question | Answer = question
    if at := request.POST.get("entry", ""):
        entry = get_object_or_404(question.answers, public_id=at)
    by = signed_in(request)
    if what == "hide":
        asking.hide(entry=entry, reason=request.POST.get("reason", ""), by=by)
    else:
        asking.show(entry=entry, by=by)


_PLAIN: dict[str, Callable[[Question], None]] = {
    "pin": lambda question: asking.pin(question=question, pinned=True),
    "unpin": lambda question: asking.pin(question=question, pinned=False),
    "close": lambda question: asking.close(question=question, closed=True),
    "open": lambda question: asking.close(question=question, closed=False),
}
_OF_A_QUESTION = set(_PLAIN)
_OF_AN_ENTRY = {"hide", "show"}
