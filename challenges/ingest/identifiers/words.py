"""Words by which a text tells of a person, and words that it has without one."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN_NAMES = _words(
    """
    aaron adam ahmed aisha alain albert alejandro alessandro alexander alexandra alexandre
    alfred ali alice amanda amelia amy ana anders andrea andreas andrew angela anita anja ann
    anna anne annette anthony antoine anton antonio ashley astrid barbara beatrice benjamin
    bernard bernd bettina birgit bjorn brandon brian brigitte bruno camille carina carla carlos
    carmen caroline catherine cecile charles charlotte chiara christian christina christine
    christoph christopher claire claudia cornelia cynthia dagmar daniel daniela david deborah
    denis dennis diana dieter dimitri dirk dmitri dominique donald donna dorothea edith edward
    eleanor elena elisabeth elizabeth elke emily emma enrique eric erich erik erika ernst esther
    eugen eva fatima federico felix fernando florence florian francesca francesco francois frank
    franz frederic friedrich gabriel gabriele georg george gerald gerard gerhard gertrud
    giovanni giulia giuseppe gisela gregory guido gunter hannah hans harald hassan heather heike
    heinrich heinz helen helena helga helmut henri henry herbert hermann hiroshi holger horst
    hugo ibrahim inge ingrid irene isabel isabelle ivan jack jacob jacques james jan jane janet
    jean jennifer jens jessica joachim joan joao jochen johann johanna johannes john jonas
    jonathan jorge jose josef joseph joshua juan judith julia julian juliane julie jurgen karen
    karin karl katharina katherine kathrin katja kenneth kenji kevin klaus kurt larry lars laura
    lauren lena leon leonardo linda lisa lorenzo louis louise luca lucas lucia ludwig luigi luis
    lukas manfred manuel marco margaret margarete maria marianne marie mario marta martha martin
    martina mary mathias matthew matthias mehmet melanie melissa michael michel michelle miguel
    mohamed mohammed monica monika monique nadia natalia natalie nathalie nicholas nicola nicole
    nikolai nina norbert olga oliver olivier omar oscar otto pablo pamela paolo patricia patrick
    paul paula pedro peter petra philip philipp philippe pierre rachel rainer ralf raymond
    rebecca regina reinhard renate ricardo richard robert roberto roger roland ronald rosa
    rudolf ruth sabine samuel sandra sara sarah sebastian sergei sergio silke silvia simon
    simone sofia sophia sophie stefan stefanie stephan stephanie stephen steven susan susanne
    sven sylvia takashi teresa theodor theresa thomas timothy tobias ulrich ulrike ursula uwe
    valentina vera veronica veronika victoria vincent viktor vladimir volker walter werner
    wilhelm william wolfgang yasmin yuki yusuf yves yvonne
    """
)
"""Common given names of several languages, without those that are other words too (Max, Mark)."""

NOBODY = _words(
    """
    anonym anonymised anonymized anonymous anon none na unknown removed deleted deidentified
    redacted test phantom qc subject patient case volunteer xxx xxxx nn empty null dummy
    """
)
"""What is written where a name was."""

TECHNICAL = _words(
    """
    pet ct suv suvbw mask seg segmentation label labels reference reader annotator expert case
    patient subject baseline followup follow up scan image images whole body wholebody res ctres
    lesion lesions tumor tumour gtv ctv ptv mass edema roi nac ac fdg psma dota nii gz mha nrrd
    dcm train test val training validation fold raw data dataset series study session visit pre
    post threshold final draft v consensus majority staple auto manual copy new old left right
    """
)
"""Words of file names that are no surname."""
